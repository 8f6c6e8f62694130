// Lists the operations of /openapi.json with their schemas and lets one try them. Text goes in as text, never as markup.
"use strict";
const methods = ["get", "post", "put", "patch", "delete", "head", "options"];
const at = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A schema as indented text, references followed once each.
function shape(schema, all, depth, seen) {
  if (!schema) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name) || depth > 6) return name;
    return shape(all[name], all, depth, seen.concat(name));
  }
  const several = schema.oneOf || schema.anyOf || schema.allOf;
  if (several) return several.map((one) => shape(one, all, depth, seen)).join(schema.allOf ? " & " : " | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const type = [].concat(schema.type || (schema.properties ? "object" : "any")).join(" | ");
  if (schema.properties) {
    const pad = "  ".repeat(depth + 1);
    const required = schema.required || [];
    const lines = Object.entries(schema.properties).map(([name, value]) =>
      pad + name + (required.includes(name) ? "" : "?") + ": " + shape(value, all, depth + 1, seen));
    return "{\n" + lines.join("\n") + "\n" + "  ".repeat(depth) + "}";
  }
  if (type.includes("array")) return "[" + shape(schema.items, all, depth, seen) + "]";
  return type + (schema.format ? " (" + schema.format + ")" : "");
}

function tryOut(method, path, operation) {
  const fields = (operation.parameters || []).map((parameter) => {
    const input = make("input", { type: "text", placeholder: parameter.in + (parameter.required ? ", required" : "") });
    return { parameter, input, row: make("label", { class: "field" }, make("code", {}, parameter.name), input) };
  });
  const takesBody = operation.requestBody && operation.requestBody.content && operation.requestBody.content["application/json"];
  const body = takesBody ? make("textarea", { rows: "5", "aria-label": "JSON body" }) : null;
  const answer = make("pre", { hidden: "", "aria-live": "polite" });
  const send = make("button", { type: "button" }, "Send");
  send.addEventListener("click", async () => {
    let target = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of fields) {
      if (parameter.in === "path") target = target.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value === "") continue;
      else if (parameter.in === "query") query.set(parameter.name, input.value);
      else if (parameter.in === "header") headers[parameter.name] = input.value;
    }
    if (at("key").value) headers.Authorization = "Bearer " + at("key").value;
    if (body && body.value) headers["Content-Type"] = "application/json";
    answer.hidden = false;
    answer.textContent = "…";
    try {
      const response = await fetch(target + (query.size ? "?" + query : ""), { method: method.toUpperCase(), headers, body: body && body.value ? body.value : undefined });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
      answer.textContent = response.status + " " + response.statusText + "\n\n" + shown;
    } catch (error) {
      answer.textContent = "No answer: " + error.message;
    }
  });
  return [...fields.map((field) => field.row), body, make("p", {}, send), answer];
}

function entry(method, path, operation, all) {
  const box = make("details", { id: operation.operationId }, make("summary", {},
    make("span", { class: "method" }, method.toUpperCase()), make("span", { class: "path" }, path),
    make("span", { class: "what" }, operation.summary || "")));
  box.dataset.words = [method, path, operation.operationId, operation.summary, operation.description].join(" ").toLowerCase();
  // The inside is made when first opened: a hundred operations would be slow at once.
  box.addEventListener("toggle", () => {
    if (box.childElementCount > 1) return;
    const inside = make("div", {}, make("p", {}, operation.description || ""));
    const bodies = Object.entries((operation.requestBody || {}).content || {});
    for (const [kind, content] of bodies) inside.append(make("h3", {}, "Body, " + kind), make("pre", {}, shape(content.schema, all, 0, [])));
    for (const [status, response] of Object.entries(operation.responses || {})) {
      inside.append(make("h3", {}, "Answer " + status), make("p", {}, response.description || ""));
      const content = Object.values(response.content || {})[0];
      if (content) inside.append(make("pre", {}, shape(content.schema, all, 0, [])));
    }
    inside.append(make("h3", {}, "Try it"), ...tryOut(method, path, operation).filter(Boolean));
    box.append(inside);
  });
  return box;
}

async function start() {
  const spec = await (await fetch("/openapi.json")).json();
  const all = (spec.components || {}).schemas || {};
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of methods.filter((method) => item[method])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, make("section", { id: "tag-" + tag }, make("h2", {}, tag)));
      groups.get(tag).append(entry(method, path, item[method], all));
    }
  }
  at("tags").append(...[...groups.keys()].map((tag) => make("a", { href: "#tag-" + tag }, tag)), make("a", { href: "/docs/errors" }, "error codes"));
  at("operations").replaceChildren(...groups.values());
  at("find").addEventListener("input", () => {
    const word = at("find").value.toLowerCase();
    for (const box of document.querySelectorAll("#operations details")) box.hidden = !box.dataset.words.includes(word);
  });
}
start().catch((error) => { at("operations").textContent = "The list of operations could not be read: " + error.message; });
