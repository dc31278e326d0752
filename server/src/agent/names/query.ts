// Reads what a guest sends to the resolver (RFC 1035, section 4.1; EDNS: RFC 6891). Everything is bounded before it is decoded.
import { type DecodedPacket, decode, encode, type OptAnswer, type Question } from "dns-packet";

export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;
export type Rcode = (typeof rcodes)[keyof typeof rcodes];

/** What a guest said of EDNS. */
export interface Edns {
  /** The largest datagram that it takes, in bytes. */
  readonly size: number;
  /** Whether it asks for signatures. */
  readonly dnssec: boolean;
}

/** A question that can be answered or forwarded. */
export interface Query {
  readonly id: number;
  /** As it came. */
  readonly bytes: Buffer;
  readonly question: Question;
  /** The question as it came, letter case included. */
  readonly questionBytes: Buffer;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly edns: Edns | undefined;
}

/** A message that gets an error for an answer. */
export interface Refused {
  readonly id: number;
  readonly rcode: Rcode;
  /** Undefined where it could not be read. */
  readonly question: Question | undefined;
  readonly recursionDesired: boolean;
  readonly edns: Edns | undefined;
}

/** The header's length, and the largest query that makes sense: a name of 255 bytes, some EDNS options. Bytes. */
const headerBytes = 12;
const largest = 4096;
/** An OPT record and a signature at most. */
const mostAdditionals = 2;

/** Undefined: no query at all; it gets no answer. */
export function readQuery(bytes: Buffer): Query | Refused | undefined {
  if (bytes.length < headerBytes) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const refuse = (rcode: Rcode, more: Partial<Refused> = {}): Refused => ({
    id: bytes.readUInt16BE(0),
    rcode,
    question: undefined,
    recursionDesired: (flags & 0x0100) !== 0,
    edns: undefined,
    ...more,
  });
  if ((flags & 0x7800) !== 0) return refuse(rcodes.notImp);
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  const shaped = questions === 1 && answers === 0 && authorities === 0 && (additionals ?? 0) <= mostAdditionals;
  if (!shaped || bytes.length > largest) return refuse(rcodes.formErr);
  return readBody(bytes, refuse);
}

function readBody(bytes: Buffer, refuse: (rcode: Rcode, more?: Partial<Refused>) => Refused): Query | Refused {
  const packet = decoded(bytes);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined) return refuse(rcodes.formErr);
  const options = (packet.additionals ?? []).filter((one): one is OptAnswer => one.type === "OPT");
  const [opt] = options;
  const edns = opt && { size: opt.udpPayloadSize, dnssec: opt.flag_do };
  const questionBytes = questionOf(bytes, question);
  if (options.length > 1 || questionBytes === undefined) return refuse(rcodes.formErr, { edns });
  if (opt !== undefined && opt.ednsVersion !== 0) return refuse(rcodes.badVers, { question, edns });
  return {
    id: bytes.readUInt16BE(0),
    bytes,
    question,
    questionBytes,
    recursionDesired: packet.flag_rd,
    checkingDisabled: packet.flag_cd,
    edns,
  };
}

function decoded(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** The question's own bytes. Undefined where it would not be written as it was read: a pointer in it, a label with a dot or no text. */
function questionOf(bytes: Buffer, question: Question): Buffer | undefined {
  try {
    const again = encode({ type: "query", questions: [question] }).subarray(headerBytes);
    const came = bytes.subarray(headerBytes, headerBytes + again.length);
    return came.equals(again) ? came : undefined;
  } catch {
    return undefined;
  }
}
