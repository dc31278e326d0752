# A port with an address of its own, and a machine that is plugged into it: the machine may go, the port and its addresses stay.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

# Everything comes from the environment: PHOTON_ENDPOINT, PHOTON_TOKEN, PHOTON_ORG, PHOTON_PROJECT.
provider "photoncloud" {}

variable "plugged" {
  description = "Whether the machine is there."
  type        = bool
  default     = true
}

resource "photoncloud_vpc" "main" {
  name = "main-vpc"
  cidr = "10.0.0.0/16"
}

resource "photoncloud_subnet" "web" {
  name         = "web-subnet"
  vpc_id       = photoncloud_vpc.main.id
  cidr         = "10.0.1.0/24"
  gateway      = "10.0.1.1"
  dhcp_enabled = true
}

resource "photoncloud_port" "vm" {
  name       = "vm-port"
  subnet_id  = photoncloud_subnet.web.id
  ip_address = "10.0.1.10"
}

resource "photoncloud_vm" "web" {
  count = var.plugged ? 1 : 0
  name  = "web-server-1"
  spec = {
    network = [{ id = "eth0", port_id = photoncloud_port.vm.id }]
  }
  # A port can't be taken from under a machine: when it is replaced, so is the machine.
  lifecycle {
    replace_triggered_by = [photoncloud_port.vm.id]
  }
}

output "port_id" {
  value = photoncloud_port.vm.id
}

output "mac_address" {
  value = photoncloud_port.vm.mac_address
}

output "vm_id" {
  value = one(photoncloud_vm.web[*].id)
}
