/** A value that a test relies on being there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the test expected a value here");
  return value;
}
