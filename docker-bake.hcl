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
  targets = ["service", "debug", "emojivoto"]
}

group "release" {
  targets = ["image-release"]
}

target "labels" {
  labels = {
    "org.opencontainers.image.title"    = "linkerd-py"
    "org.opencontainers.image.version"  = TAG
    "org.opencontainers.image.licenses" = "Apache-2.0"
  }
}

# proxy, identity, destination, injector, viz: each has a Dockerfile of its own.
target "service" {
  name       = "${service}"
  matrix     = { service = ["proxy", "identity", "destination", "injector", "viz"] }
  inherits   = ["labels"]
  dockerfile = "services/${service}/Dockerfile"
  tags       = ["${REGISTRY}/${service}:${TAG}"]
  cache-from = cached(service, "")
  cache-to   = cached(service, ",mode=max")
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

# The same images for both architectures, with annotations, provenance and a bill of materials.
target "image-release" {
  name   = "${image}-release"
  matrix = {
    image = [
      "proxy", "identity", "destination", "injector", "viz", "debug",
      "emojivoto-web", "emojivoto-emoji", "emojivoto-voting", "emojivoto-vote-bot",
    ]
  }
  inherits  = [image]
  platforms = ["linux/amd64", "linux/arm64"]
  attest    = ["type=provenance,mode=max", "type=sbom"]
  annotations = [
    "index,manifest:org.opencontainers.image.title=linkerd-py ${image}",
    "index,manifest:org.opencontainers.image.version=${TAG}",
    "index,manifest:org.opencontainers.image.licenses=Apache-2.0",
  ]
}
