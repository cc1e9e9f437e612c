"""Tap: an aggregated API (v1alpha1.tap.linkerd.io) that shows requests as they pass the proxies of a resource's pods.

The only client that proxies let in (:4190, mTLS); who may ask it is decided by SubjectAccessReviews. Beside it a
webhook that has new pods' proxies let it in.
"""
