# Three people with three roles in one project, and none of them with any in the other.

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
  description = "The first password of all three. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

locals {
  roles = {
    admin-a  = "ProjectAdmin"
    member-a = "ProjectMember"
    viewer-a = "ProjectViewer"
  }
}

resource "photoncloud_org" "rbac" {
  id = "rbac-corp"
}

resource "photoncloud_project" "each" {
  for_each = toset(["alpha", "beta"])
  org_id   = photoncloud_org.rbac.id
  id       = each.value
}

resource "photoncloud_user" "each" {
  for_each = local.roles
  org_id   = photoncloud_org.rbac.id
  id       = each.key
  password = var.password
}

resource "photoncloud_role_binding" "alpha" {
  for_each   = local.roles
  org_id     = photoncloud_org.rbac.id
  project_id = photoncloud_project.each["alpha"].id
  principal  = "user:rbac-corp/${photoncloud_user.each[each.key].id}"
  role_id    = each.value
}
