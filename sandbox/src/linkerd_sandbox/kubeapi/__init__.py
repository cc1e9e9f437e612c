"""A real kube-apiserver and etcd in the place of the embedded API server (`up --kube-apiserver PATH --etcd PATH`)."""
