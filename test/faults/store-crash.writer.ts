// The process that the crash test kills: it writes as fast as it can and prints the id of each write that was acknowledged.
import { writeSync } from "node:fs";
import { openStore } from "../../server/src/store/index.ts";
import { crashEvent, crashKey, crashWrite } from "./store-crash.writes.ts";

const callers = 16;
const [url = "", round = ""] = process.argv.slice(2);
const store = await openStore(url);

async function call(caller: number): Promise<never> {
  for (let count = 0; ; count++) {
    const key = crashKey(`${round}-${caller}-${count}`);
    const writing = store.transact(async (tx) => {
      tx.create(crashWrite(key));
      tx.append(crashEvent(key));
      tx.schedule(key);
    });
    // A write that failed (the database was killed) may or may not be there; only what is printed must be.
    const acknowledged = await writing.then(
      () => true,
      () => false,
    );
    if (acknowledged) writeSync(1, `${key.id}\n`);
    else await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
