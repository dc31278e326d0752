# Bindings add up, each goes by itself, and a denial wins over all of them.

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
  description = "Carol's first password. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "frozen" {
  description = "While it is set nobody who is named below creates anything in a network."
  type        = bool
  default     = false
}

resource "photoncloud_org" "many" {
  id = "many-corp"
}

resource "photoncloud_project" "each" {
  for_each = toset(["alpha", "beta"])
  org_id   = photoncloud_org.many.id
  id       = each.value
}

resource "photoncloud_user" "carol" {
  org_id   = photoncloud_org.many.id
  id       = "carol"
  password = var.password
}

# She sees everything in the org, ...
resource "photoncloud_role_binding" "viewer" {
  org_id     = photoncloud_org.many.id
  project_id = ""
  principal  = "user:many-corp/${photoncloud_user.carol.id}"
  role_id    = "ProjectViewer"
}

# ... and works in one project ...
resource "photoncloud_role_binding" "member" {
  org_id     = photoncloud_org.many.id
  project_id = photoncloud_project.each["alpha"].id
  principal  = "user:many-corp/${photoncloud_user.carol.id}"
  role_id    = "ProjectMember"
}

resource "photoncloud_role" "freeze" {
  org_id      = photoncloud_org.many.id
  project_id  = ""
  id          = "Freeze"
  permissions = [{ action = "network:*:create", effect = "deny" }]
}

# ... unless it is frozen.
resource "photoncloud_role_binding" "frozen" {
  count      = var.frozen ? 1 : 0
  org_id     = photoncloud_org.many.id
  project_id = ""
  principal  = "user:many-corp/${photoncloud_user.carol.id}"
  role_id    = photoncloud_role.freeze.id
}
