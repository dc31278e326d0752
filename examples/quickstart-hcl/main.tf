# A network and two machines: the front one answers everybody on port 80, the back one answers the front one alone.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

# Everything comes from the environment: PHOTON_ENDPOINT, PHOTON_TOKEN, PHOTON_ORG, PHOTON_PROJECT.
provider "photoncloud" {}

resource "photoncloud_vpc" "main" {
  name = "main"
  cidr = "10.0.0.0/16"
}

resource "photoncloud_subnet" "front" {
  name   = "front"
  vpc_id = photoncloud_vpc.main.id
  cidr   = "10.0.0.0/24"
}

resource "photoncloud_subnet" "back" {
  name   = "back"
  vpc_id = photoncloud_vpc.main.id
  cidr   = "10.0.1.0/24"
}

resource "photoncloud_security_group" "web" {
  name        = "web"
  description = "What the world may ask the front machine"
  rules = {
    http = { direction = "ingress", protocol = "tcp", port_range = { first = 80 }, remote_cidr = "0.0.0.0/0" }
    ping = { direction = "ingress", protocol = "icmp", remote_cidr = "0.0.0.0/0" }
  }
}

resource "photoncloud_security_group" "app" {
  name        = "app"
  description = "What the front machine may ask the back one"
  rules = {
    api = { direction = "ingress", protocol = "tcp", port_range = { first = 8080 }, remote_group_id = photoncloud_security_group.web.id }
  }
}

resource "photoncloud_port" "web" {
  name               = "web"
  subnet_id          = photoncloud_subnet.front.id
  security_group_ids = [photoncloud_security_group.web.id]
}

resource "photoncloud_port" "app" {
  name               = "app"
  subnet_id          = photoncloud_subnet.back.id
  security_group_ids = [photoncloud_security_group.app.id]
}

resource "photoncloud_vm" "web" {
  name = "web"
  spec = {
    cpu      = 1
    memory   = 1024
    image_id = "tiny"
    network  = [{ id = "eth0", port_id = photoncloud_port.web.id }]
  }
  # A port can't be taken from under a machine: when it is replaced, so is the machine.
  lifecycle {
    replace_triggered_by = [photoncloud_port.web.id]
  }
}

resource "photoncloud_vm" "app" {
  name = "app"
  spec = {
    cpu      = 2
    memory   = 2048
    image_id = "tiny"
    network  = [{ id = "eth0", port_id = photoncloud_port.app.id }]
  }
  lifecycle {
    replace_triggered_by = [photoncloud_port.app.id]
  }
}

output "vpc_id" {
  value = photoncloud_vpc.main.id
}

output "front_cidr" {
  value = photoncloud_subnet.front.cidr
}

output "back_cidr" {
  value = photoncloud_subnet.back.cidr
}

output "web_address" {
  value = photoncloud_port.web.ip_address
}

output "app_address" {
  value = photoncloud_port.app.ip_address
}
