const name = { type: "string", format: "safe-word" };
const names = { type: "array", items: name };
const variableName = { type: "string", format: "variable-name" };
const absolute = { type: "string", format: "target-path", minLength: 2 };

/** What role.yml may say: all of it, and nothing else. */
export const roleSchema: object = {
  type: "object",
  additionalProperties: false,
  required: ["packages", "service", "group", "live", "state", "files", "steps"],
  properties: {
    packages: { ...names, minItems: 1 },
    service: name,
    group: { type: "string", format: "group-name" },
    live: absolute,
    state: absolute,
    links: names,
    watch: { type: "array", items: variableName },
    listeners: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["port"],
        properties: { port: variableName, when: variableName },
      },
    },
    foreign_addresses: variableName,
    health_gate: variableName,
    files: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["path", "template", "mode"],
        properties: {
          path: { type: "string", format: "relative-path" },
          template: { type: "string", format: "relative-path" },
          mode: { type: "string", format: "file-mode" },
        },
      },
    },
    steps: {
      type: "object",
      additionalProperties: false,
      required: ["validate", "activate", "verify"],
      properties: {
        validate: { enum: ["haproxy-check"] },
        activate: { enum: ["haproxy-reload"] },
        verify: { enum: ["haproxy-serving"] },
      },
    },
  },
};
