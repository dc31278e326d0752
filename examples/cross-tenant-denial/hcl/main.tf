# Two customers that are alike, each with an administrator and a network. Neither sees, changes or learns anything of the other.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

# The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
provider "photoncloud" {}

variable "password" {
  description = "The first password of both administrators. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

locals {
  administrators = { one-corp = "alice", two-corp = "bob" }
}

resource "photoncloud_org" "each" {
  for_each = local.administrators
  id       = each.key
}

resource "photoncloud_project" "main" {
  for_each = photoncloud_org.each
  org_id   = each.value.id
  id       = "main"
}

resource "photoncloud_user" "administrator" {
  for_each = local.administrators
  org_id   = photoncloud_org.each[each.key].id
  id       = each.value
  password = var.password
}

# An empty project: the whole org.
resource "photoncloud_role_binding" "administrator" {
  for_each   = photoncloud_user.administrator
  org_id     = each.value.org_id
  project_id = ""
  principal  = "user:${each.value.org_id}/${each.value.id}"
  role_id    = "OrgAdmin"
}

resource "photoncloud_vpc" "main" {
  for_each   = photoncloud_project.main
  org_id     = each.value.org_id
  project_id = each.value.id
  name       = "main"
  cidr       = "10.0.0.0/16"
}

output "vpc_ids" {
  value = { for org, vpc in photoncloud_vpc.main : org => vpc.id }
}
