// The server's end of what an agent asks: the agent asks in the answers of a call, and is answered in its requests.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DirectoryAnswerSchema, DirectoryQuestion } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";

type Answer = MessageInitShape<typeof DirectoryAnswerSchema>;

/** Resolves when the call ends. */
export async function answerQuestions(
  call: (answers: AsyncIterable<Answer>) => AsyncIterable<DirectoryQuestion>,
  answer: (method: string, values: readonly unknown[]) => Promise<unknown>,
): Promise<void> {
  const ready: Answer[] = [];
  let came = Promise.withResolvers<void>();
  let ended = false;
  const answers = (async function* () {
    for (;;) {
      yield* ready.splice(0);
      if (ended) return;
      came = Promise.withResolvers();
      if (ready.length === 0) await came.promise;
    }
  })();
  const say = (one: Answer) => {
    ready.push(one);
    came.resolve();
  };
  try {
    for await (const { number, method, json } of call(answers))
      void reply(answer, method, json).then((rest) => say({ number, ...rest }));
  } finally {
    ended = true;
    came.resolve();
  }
}

async function reply(
  answer: (method: string, values: readonly unknown[]) => Promise<unknown>,
  method: string,
  json: string,
): Promise<Answer> {
  try {
    const found = await answer(method, JSON.parse(json));
    return found === undefined ? {} : { json: JSON.stringify(found) };
  } catch {
    return { error: "the server could not answer" };
  }
}
