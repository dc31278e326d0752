# A machine that the world reaches by a public address, and a VPN gateway that leads to an office.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

# Everything comes from the environment: PHOTON_ENDPOINT, PHOTON_TOKEN, PHOTON_ORG, PHOTON_PROJECT.
provider "photoncloud" {}

# Joined to the external network "external", which `photon server --dev` begins with; an operator makes others.
resource "photoncloud_vpc" "main" {
  name                = "main"
  cidr                = "10.0.0.0/16"
  external_network_id = "external"
}

resource "photoncloud_subnet" "front" {
  name   = "front"
  vpc_id = photoncloud_vpc.main.id
}

resource "photoncloud_security_group" "web" {
  name = "web"
  rules = {
    http = { direction = "ingress", protocol = "tcp", port_range = { first = 80 }, remote_cidr = "0.0.0.0/0" }
  }
}

resource "photoncloud_port" "web" {
  name               = "web"
  subnet_id          = photoncloud_subnet.front.id
  security_group_ids = [photoncloud_security_group.web.id]
}

# Stays while it moves: name another port, and open connections end.
resource "photoncloud_elastic_ip" "web" {
  name    = "web"
  port_id = photoncloud_port.web.id
}

# Its machine passes packets of others on.
resource "photoncloud_port" "vpn" {
  name       = "vpn"
  subnet_id  = photoncloud_subnet.front.id
  forwarding = true
}

resource "photoncloud_route" "office" {
  name           = "office"
  vpc_id         = photoncloud_vpc.main.id
  destination    = "192.168.0.0/16"
  target_port_id = photoncloud_port.vpn.id
}

# Of two routes the most specific one counts.
resource "photoncloud_route" "office_guests" {
  name        = "office-guests"
  vpc_id      = photoncloud_vpc.main.id
  destination = "192.168.200.0/24"
  drop        = {}
}

output "web_address" {
  value = photoncloud_elastic_ip.web.address
}

# What the world sees the VPC's other machines by.
output "egress_address" {
  value = photoncloud_vpc.main.egress_address
}
