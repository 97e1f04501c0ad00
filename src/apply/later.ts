/** A promise that is resolved from elsewhere; the first value counts. */
interface Later<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

export function later<Value>(): Later<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((take) => (resolve = take));
  return { promise, resolve };
}
