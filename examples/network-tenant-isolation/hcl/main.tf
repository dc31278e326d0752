# Two customers with the same network: the same names, the same addresses, and no way from one to the other.

terraform {
  required_providers {
    photoncloud = {
      source = "registry.photoncloud.internal/photoncloud/photoncloud"
    }
  }
}

# The operator, from the environment: PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PRINCIPAL, PHOTON_PASSWORD.
provider "photoncloud" {}

module "tenant" {
  for_each = toset(["north-corp", "south-corp"])
  source   = "./tenant"
  org_id   = each.value
}

output "vpc_ids" {
  value = { for org, tenant in module.tenant : org => tenant.vpc_id }
}
