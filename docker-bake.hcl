# docker buildx bake            all images, for this machine
# TAG=0.1.0 REGISTRY=example.org/mesh docker buildx bake --push release

variable "TAG" {
  default = "0.1.0"
}

variable "REGISTRY" {
  default = "ghcr.io/linkerd-py"
}

# CACHE=1 keeps the build cache beside the images, in the registry: `NAME:cache`.
variable "CACHE" {
  default = ""
}

function "cached" {
  params = [name, mode]
  result = CACHE == "" ? [] : ["type=registry,ref=${REGISTRY}/${name}:cache${mode}"]
}

group "default" {
  targets = ["proxy", "identity", "destination", "injector", "viz", "debug", "emojivoto"]
}

group "release" {
  targets = ["service-release"]
}

target "labels" {
  labels = {
    "org.opencontainers.image.title"    = "linkerd-py"
    "org.opencontainers.image.version"  = TAG
    "org.opencontainers.image.licenses" = "Apache-2.0"
  }
}

target "proxy" {
  inherits   = ["labels"]
  dockerfile = "services/proxy/Dockerfile"
  tags       = ["${REGISTRY}/proxy:${TAG}"]
  cache-from = cached("proxy", "")
  cache-to   = cached("proxy", ",mode=max")
}

target "identity" {
  inherits   = ["labels"]
  dockerfile = "services/identity/Dockerfile"
  tags       = ["${REGISTRY}/identity:${TAG}"]
  cache-from = cached("identity", "")
  cache-to   = cached("identity", ",mode=max")
}

target "destination" {
  inherits   = ["labels"]
  dockerfile = "services/destination/Dockerfile"
  tags       = ["${REGISTRY}/destination:${TAG}"]
  cache-from = cached("destination", "")
  cache-to   = cached("destination", ",mode=max")
}

target "injector" {
  inherits   = ["labels"]
  dockerfile = "services/injector/Dockerfile"
  tags       = ["${REGISTRY}/injector:${TAG}"]
  cache-from = cached("injector", "")
  cache-to   = cached("injector", ",mode=max")
}

target "viz" {
  inherits   = ["labels"]
  dockerfile = "services/viz/Dockerfile"
  tags       = ["${REGISTRY}/viz:${TAG}"]
  cache-from = cached("viz", "")
  cache-to   = cached("viz", ",mode=max")
}

target "debug" {
  inherits   = ["labels"]
  dockerfile = "deploy/debug/Dockerfile"
  tags       = ["${REGISTRY}/debug:${TAG}"]
  cache-from = cached("debug", "")
  cache-to   = cached("debug", ",mode=max")
}

target "emojivoto" {
  inherits   = ["labels"]
  name       = "emojivoto-${part}"
  matrix     = { part = ["web", "emoji", "voting", "vote-bot"] }
  dockerfile = "examples/emojivoto/Dockerfile"
  args       = { PART = part }
  tags       = ["${REGISTRY}/emojivoto-${part}:${TAG}"]
  cache-from = cached("emojivoto", "")
  cache-to   = cached("emojivoto", ",mode=max")
}

# What tests/e2e run on a real cluster beside the mesh.
target "e2e" {
  dockerfile = "tests/e2e/Dockerfile"
  tags       = ["linkerd-sandbox.test/python:1"]
}

# The same images for both architectures, with provenance and a bill of materials.
target "service-release" {
  name       = "${service}-release"
  matrix     = { service = ["proxy", "identity", "destination", "injector", "viz", "debug"] }
  inherits   = [service]
  platforms  = ["linux/amd64", "linux/arm64"]
  attest     = ["type=provenance,mode=max", "type=sbom"]
  annotations = [
    "index,manifest:org.opencontainers.image.title=linkerd-py",
    "index,manifest:org.opencontainers.image.version=${TAG}",
    "index,manifest:org.opencontainers.image.licenses=Apache-2.0",
  ]
}
