# An operator opens a tenant: an org with two projects, the person who administers it, and an account that deploys into one project.

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
  description = "Alice's first password. It is in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "photoncloud_org" "acme" {
  id   = "acme-corp"
  name = "Acme Corporation"
}

resource "photoncloud_project" "alpha" {
  org_id = photoncloud_org.acme.id
  id     = "project-alpha"
}

resource "photoncloud_project" "beta" {
  org_id = photoncloud_org.acme.id
  id     = "project-beta"
}

resource "photoncloud_user" "alice" {
  org_id   = photoncloud_org.acme.id
  id       = "alice"
  password = var.password
}

# An empty project: the whole org.
resource "photoncloud_role_binding" "alice" {
  org_id     = photoncloud_org.acme.id
  project_id = ""
  principal  = "user:acme-corp/${photoncloud_user.alice.id}"
  role_id    = "OrgAdmin"
}

resource "photoncloud_service_account" "deployer" {
  org_id = photoncloud_org.acme.id
  id     = "deployer"
}

resource "photoncloud_role_binding" "deployer" {
  org_id     = photoncloud_org.acme.id
  project_id = photoncloud_project.alpha.id
  principal  = "service_account:acme-corp/${photoncloud_service_account.deployer.id}"
  role_id    = "ProjectMember"
}
