"""What every process of the control plane needs: settings, logs, TLS, certificates, health."""
