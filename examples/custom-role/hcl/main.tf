# A role of the org's own: what it may touch, where, on which condition, and what it may never do.

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
  description = "The operator's first password. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "photoncloud_org" "roles" {
  id = "roles-corp"
}

resource "photoncloud_project" "each" {
  for_each = toset(["alpha", "beta"])
  org_id   = photoncloud_org.roles.id
  id       = each.value
}

resource "photoncloud_role" "storage_operator" {
  org_id      = photoncloud_org.roles.id
  project_id  = ""
  id          = "StorageOperator"
  description = "Looks after volumes and images"
  permissions = [
    { action = "storage:volumes:*" },
    { action = "compute:images:*", resource_pattern = "org/roles-corp/project/alpha/image/*" },
    { action = "compute:images:delete", effect = "deny" },
    { action = "network:vpcs:*", conditions = ["resource.owner == principal.id"] },
    { action = "network:vpcs:create" },
  ]
}

resource "photoncloud_user" "operator" {
  org_id   = photoncloud_org.roles.id
  id       = "operator"
  password = var.password
}

resource "photoncloud_role_binding" "operator" {
  org_id     = photoncloud_org.roles.id
  project_id = ""
  principal  = "user:roles-corp/${photoncloud_user.operator.id}"
  role_id    = photoncloud_role.storage_operator.id
}
