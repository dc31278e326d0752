// Starts the service. PHOTON_* variables, or `photon login`, say where the cloud is and who we are; PORT where to listen.
import { PhotonCloud } from "@photoncloud/sdk";
import { Environments } from "./environments.ts";
import { createService } from "./service.ts";

const port = Number(process.env.PORT ?? 3000);
const service = createService(new Environments(PhotonCloud.fromEnv({ userAgent: "environments/0.1" })));
service.listen(port, () => console.log(`environments on http://localhost:${port}/environments`));
process.once("SIGTERM", () => service.close());
