// Work that tells how far it is, as something to iterate over.

/** Yields what the work tells, as it comes, and returns its result. @throws what the work throws */
export async function* telling<T>(work: (tell: (progress: string) => void) => Promise<T>): AsyncGenerator<string, T> {
  const told: string[] = [];
  let news = Promise.withResolvers<void>();
  const result = work((progress) => {
    told.push(progress);
    news.resolve();
  });
  const over = result.then(
    () => true,
    () => true,
  );
  for (let ended = false; !ended; ) {
    ended = (await Promise.race([over, news.promise])) === true;
    news = Promise.withResolvers();
    yield* told.splice(0);
  }
  return result;
}
