# Builds for both kinds of machine: amd64 (laptops, NUCs) and arm64 (Jetson, Raspberry Pi).
#   make image                                         for this machine, into docker's store
#   make push REGISTRY=registry.lan:5000 TAG=1.0       both, into a registry
variable "REGISTRY" { default = "localhost" }
variable "TAG" { default = "latest" }
variable "REVISION" { default = "unknown" }
variable "VERSION" { default = "unknown" }
variable "CREATED" { default = "" }
variable "MODEL" { default = "full" }

group "default" { targets = ["here"] }

target "image" {
  context    = "."
  dockerfile = "Dockerfile"
  tags       = ["${REGISTRY}/posture-edge:${TAG}"]
  args = {
    REVISION = REVISION
    VERSION  = VERSION
    CREATED  = CREATED
    MODEL    = MODEL
  }
}

target "here" {
  inherits = ["image"]
  output   = ["type=docker"]
}

target "push" {
  inherits  = ["image"]
  platforms = ["linux/amd64", "linux/arm64"]
  output    = ["type=registry"]
}
