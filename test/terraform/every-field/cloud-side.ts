// What somebody does behind Terraform's back: changes and deletes through the cloud's own API.
import { camelCase, type Kind, type Method } from "@photoncloud/proto";
import { postJson } from "@photoncloud/server/testing";
import { type Attribute, objectType } from "../../../provider/src/attribute.ts";
import { toJson } from "../../../provider/src/convert.ts";
import { fromJson, parseJson } from "../../../provider/src/cty/json.ts";
import { isMap, type Value } from "../../../provider/src/cty/value.ts";
import { type Login, tokenOf } from "../workspace.ts";
import { attributesOf, type Subject } from "./subject.ts";

type Known = Readonly<Record<string, unknown>>;

const call = async (login: Login, kind: Kind, method: Method, body: unknown) =>
  postJson(login.url, `${kind.service.typeName}/${method.desc.name}`, body, await tokenOf(login));

const reference = ({ org_id: orgId, project_id: projectId, id }: Known) => ({ orgId, projectId, id });

/** The attributes of a state as the cloud's message. */
function messageOf(attributes: readonly Attribute[], state: Known): Known {
  const value: Value = fromJson(objectType(attributes), parseJson(JSON.stringify(state)));
  return isMap(value) ? toJson(attributes, value) : {};
}

/** Sets the field that the subject's place is in to what it was in an earlier state. @throws Error if the cloud refuses */
export async function drift(login: Login, subject: Subject, earlier: Known): Promise<void> {
  const { kind, place } = subject;
  const name = place.attributes[0].field?.desc.jsonName ?? "";
  const message = messageOf(attributesOf(kind), earlier);
  const request = { ...reference(earlier), [camelCase(kind.noun)]: message, updateMask: name };
  const { status, body } = await call(login, kind, kind.standard.update, request);
  if (status !== 200) throw new Error(`${subject.address}: ${JSON.stringify(body)}`);
}

/** Deletes it, and waits until it is gone. */
export async function disappear(login: Login, kind: Kind, state: Known): Promise<void> {
  const { status, body } = await call(login, kind, kind.standard.delete, reference(state));
  if (status !== 200) throw new Error(`${kind.noun}: ${JSON.stringify(body)}`);
  const deadline = Date.now() + 60_000;
  while ((await call(login, kind, kind.standard.get, reference(state))).status === 200)
    if (Date.now() > deadline) throw new Error(`${kind.noun} ${String(state.id)} is not gone within a minute`);
}
