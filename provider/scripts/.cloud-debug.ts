import { startTestCloud } from "@photoncloud/server/testing";

const cloud = await startTestCloud({ logLevel: process.env.LOG ?? "silent" });
const t = await cloud.tenant("acme-corp", "project-alpha");
const { writeFileSync } = await import("node:fs");
writeFileSync(
  "/tmp/cloud.env",
  `export PHOTON_ENDPOINT=${cloud.url} PHOTON_TOKEN=${t.token} PHOTON_ORG=acme-corp PHOTON_PROJECT=project-alpha ADMIN_TOKEN=${await cloud.adminToken()} CLOUD_PID=${process.pid}\n`,
);
console.log("ready");
process.on("SIGTERM", async () => {
  await cloud.stop();
  process.exit(0);
});
setInterval(() => {}, 1000);
