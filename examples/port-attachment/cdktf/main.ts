// A port with an address of its own, and a machine that is plugged into it: the machine may go, the port and its addresses stay.
import { PhotonCloudProvider, TfPort, TfVm, Vpc } from "@photoncloud/constructs";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

/** Whether the machine is there. */
const plugged = process.env.PLUGGED !== "false";

class PortAttachment extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new PhotonCloudProvider(this, "photoncloud");

    const vpc = new Vpc(this, "main", { name: "main-vpc", cidr: "10.0.0.0/16" });
    const web = vpc.addSubnet("web", { name: "web-subnet", cidr: "10.0.1.0/24", gateway: "10.0.1.1" });

    // The construct Vm makes its port itself. A port that outlives its machines is a resource of its own.
    const port = new TfPort(this, "port", { name: "vm-port", subnetId: web.subnetId, ipAddress: "10.0.1.10" });
    new TerraformOutput(this, "port_id", { value: port.id });
    new TerraformOutput(this, "mac_address", { value: port.macAddress });

    if (!plugged) return;
    const vm = new TfVm(this, "vm", {
      name: "web-server-1",
      spec: { network: [{ id: "eth0", portId: port.id }] },
      // A port can't be taken from under a machine: when it is replaced, so is the machine.
      lifecycle: { replaceTriggeredBy: ["photoncloud_port.port.id"] },
    });
    new TerraformOutput(this, "vm_id", { value: vm.id });
  }
}

const app = new App();
new PortAttachment(app, "port-attachment");
app.synth();
