# What is given at an org holds in each of its projects, also in those that come later; nothing reaches up.

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
  description = "The first password of both. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "projects" {
  description = "Add one, and both people have in it what they have in the others."
  type        = set(string)
  default     = ["alpha", "beta"]
}

locals {
  roles = { org-admin = "OrgAdmin", org-viewer = "ProjectViewer" }
}

resource "photoncloud_org" "tree" {
  id = "tree-corp"
}

resource "photoncloud_project" "each" {
  for_each = var.projects
  org_id   = photoncloud_org.tree.id
  id       = each.value
}

resource "photoncloud_user" "each" {
  for_each = local.roles
  org_id   = photoncloud_org.tree.id
  id       = each.key
  password = var.password
}

# An empty project: the whole org, and all that is below it.
resource "photoncloud_role_binding" "org" {
  for_each   = local.roles
  org_id     = photoncloud_org.tree.id
  project_id = ""
  principal  = "user:tree-corp/${photoncloud_user.each[each.key].id}"
  role_id    = each.value
}
