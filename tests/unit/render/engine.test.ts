import { expect, test } from "vitest";
import { renderTemplate } from "../../../src/render/engine.ts";
import { traceLine } from "../../../src/render/trace.ts";
import { variables } from "../../support/fleet.ts";

function templates(texts: Record<string, string>) {
  return new Map(Object.entries(texts).map(([name, text]) => [name, { file: `templates/${name}`, text }]));
}

function failure(text: string, view: Record<string, unknown> = {}) {
  try {
    renderTemplate(templates({ "t.eta": text }), "t.eta", view);
  } catch (error) {
    return String(error);
  }
  return "no error";
}

test("values are printed as they are", () => {
  const text = renderTemplate(templates({ "t.eta": "a <%= it.x %> b\n" }), "t.eta", { x: "<&>" });
  expect(text).toBe("a <&> b\n");
});

test("a template can include another", () => {
  const all = templates({ "t.eta": "<%~ include('part.eta') %>!", "part.eta": "part <%= it.x %>" });
  expect(renderTemplate(all, "t.eta", { x: 1 })).toBe("part 1!");
});

test.each([
  ["a\n<%= it.nope %>", "templates/t.eta:2", "it.nope is not a variable"],
  ["a\nb\n<%= it.list %>", "templates/t.eta:3", "cannot print a value of type object"],
  ["<% if (it.x) { %>", "templates/t.eta", "Unexpected"],
  ["a\n<% if (it.x) { %>\n<% if ( %>\n<% } %>\nb", "templates/t.eta:3", "Unexpected"],
  ["a\n<% for (const x of [1]) { %>\n<%= x %>\n<% } %>\n<%= it.x + %>\n", "templates/t.eta:5", "Unexpected"],
  ["a\n<%= it.x", "templates/t.eta:2", "unclosed tag"],
  ["<%= it.evil %>", "templates/t.eta:1", "control character"],
  ["<%~ include('other.eta') %>", "other.eta", "does not exist"],
])("the broken template %j is refused, with its place", (text, place, what) => {
  const message = failure(text, { x: 1, list: [1], evil: "a\nlisten b" });
  expect(message).toContain(place);
  expect(message).toContain(what);
});

test("a rendered line is traced to its template line and the variables in it", () => {
  const text =
    "first\n<% for (const n of it.numbers) { -%>\nnumber <%= n %> of <%= it.total %>\n<% } -%>\nlast\n";
  const all = templates({ "t.eta": text });
  const vars = variables({ numbers: [1, 2], total: 2 });
  const view = { numbers: [1, 2], total: 2 };
  expect(renderTemplate(all, "t.eta", view)).toBe("first\nnumber 1 of 2\nnumber 2 of 2\nlast\n");
  expect(traceLine(all, "t.eta", view, vars, 3)).toEqual({
    template: "templates/t.eta",
    line: 3,
    variables: [
      { name: "total", at: "vars.yml:2" },
      { name: "numbers", at: "vars.yml:1" },
    ],
  });
  expect(traceLine(all, "t.eta", view, vars, 4)?.line).toBe(5);
});

test("a line of a template that is included is traced to that one", () => {
  const main = 'first\n<%~ include("part.eta", { it }) %>\nlast <%= it.total %>\n';
  const all = templates({ "t.eta": main, "part.eta": "one\ntwo <%= it.it.total %>" });
  const view = { total: 2 };
  const traced = [1, 2, 3, 4].map((line) => traceLine(all, "t.eta", view, variables(view), line));
  expect(traced.map((source) => `${source?.template}:${source?.line}`)).toEqual([
    "templates/t.eta:1",
    "templates/part.eta:1",
    "templates/part.eta:2",
    "templates/t.eta:3",
  ]);
});
