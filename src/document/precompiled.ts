/** One way in which a value differs from its schema, as ajv tells it with `verbose`. */
export interface SchemaError {
  readonly keyword: string;
  /** JSON pointer to the value. */
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The part of the schema that has the keyword. */
  readonly parentSchema?: object;
  readonly data?: unknown;
  /** The key that has the problem, where it is not the value. */
  readonly propertyName?: string;
}

export interface Validate {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** Validators by the JSON text of their schema. None among the sources: the build makes those of the shipped role. */
export const precompiled: ReadonlyMap<string, Validate> = new Map();
