# One customer: its org and project, and a network with a machine in it.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

variable "org_id" {
  type = string
}

resource "photoncloud_org" "it" {
  id = var.org_id
}

resource "photoncloud_project" "main" {
  org_id = photoncloud_org.it.id
  id     = "main"
}

# Whose it is stands with each resource, since the provider is the operator's. A tenant's own configuration leaves it out.
locals {
  tenant = { org_id = photoncloud_org.it.id, project_id = photoncloud_project.main.id }
}

resource "photoncloud_vpc" "main" {
  org_id     = local.tenant.org_id
  project_id = local.tenant.project_id
  name       = "main-vpc"
  cidr       = "10.0.0.0/16"
}

resource "photoncloud_subnet" "web" {
  org_id     = local.tenant.org_id
  project_id = local.tenant.project_id
  name       = "web-subnet"
  vpc_id     = photoncloud_vpc.main.id
  cidr       = "10.0.1.0/24"
}

# Open to everybody; everybody is who can reach the VPC, and nobody can from another.
resource "photoncloud_security_group" "open" {
  org_id     = local.tenant.org_id
  project_id = local.tenant.project_id
  name       = "open"
  rules      = { all = { direction = "ingress" } }
}

resource "photoncloud_port" "web" {
  org_id             = local.tenant.org_id
  project_id         = local.tenant.project_id
  name               = "web"
  subnet_id          = photoncloud_subnet.web.id
  ip_address         = "10.0.1.10"
  security_group_ids = [photoncloud_security_group.open.id]
}

resource "photoncloud_vm" "web" {
  org_id     = local.tenant.org_id
  project_id = local.tenant.project_id
  name       = "web"
  spec = {
    network = [{ id = "eth0", port_id = photoncloud_port.web.id }]
  }
}

output "vpc_id" {
  value = photoncloud_vpc.main.id
}
