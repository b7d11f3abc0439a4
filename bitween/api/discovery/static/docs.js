// Shows what rpc.discover answers, with a form to try each method.

import { credentials, forget, ready } from "./session.js";

const LONGEST_ANSWER = 100_000; // characters

const api = new URL("api", document.baseURI);
const find = (selector, within = document) => within.querySelector(selector);
let token = ""; // in this variable only; a browser that is logged in needs none for most methods

class LogInNeeded extends Error {}

async function call(method, params) {
  await ready;
  const shown = token ? { Authorization: `Bearer ${token}` } : credentials();
  const headers = { "Content-Type": "application/json", ...shown };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(api, { method: "POST", headers, body });
  if (response.status === 401) {
    if (!token) forget();
    throw new LogInNeeded(token ? "This is not the token." : "");
  }
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const answered = await response.json();
  if (answered.error?.data?.reason === "token_needed") find("#log-in").hidden = false;
  return answered;
}

// ---- schemas

function kinds(schema) {
  return [schema.type ?? []].flat();
}

function typeText(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  return kinds(schema)
    .map((kind) => (kind === "array" ? `list of ${typeText(schema.items)}` : kind))
    .join(" or ");
}

function choices(schema) {
  return schema.enum ?? (kinds(schema).includes("boolean") ? [true, false] : null);
}

function makeInput(param) {
  const values = choices(param.schema);
  const input = document.createElement(values ? "select" : "input");
  input.name = param.name;
  input.required = param.required;
  if (values) {
    if (!param.required) input.append(new Option(`${param.schema.default} by default`, ""));
    input.append(...values.map((value) => new Option(String(value), JSON.stringify(value))));
  } else {
    input.autocomplete = "off";
    input.placeholder = param.required ? "" : JSON.stringify(param.schema.default);
  }
  return input;
}

function readInput(param, text) {
  if (choices(param.schema)) return JSON.parse(text);
  return kinds(param.schema).includes("string") ? text : JSON.parse(text);
}

function readForm(form, params) {
  const given = {};
  for (const param of params) {
    const text = form.elements[param.name].value;
    if (text === "" && !param.required) continue;
    try {
      given[param.name] = readInput(param, text);
    } catch {
      throw new Error(`${param.name}: this is no ${typeText(param.schema)}`);
    }
  }
  return given;
}

function resolved(schema, components) {
  // Every reference within what is shown, so that the whole shape can be read in one place.
  if (Array.isArray(schema)) return schema.map((part) => resolved(part, components));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) return resolved(components.schemas[schema.$ref.split("/").pop()], components);
  const entries = Object.entries(schema).map(([key, value]) => [key, resolved(value, components)]);
  return Object.fromEntries(entries);
}

// ---- the page

function setText(element, markdown) {
  // The only markup in these texts is `code`.
  const parts = markdown.split("`").map((text, index) => {
    const part = document.createElement(index % 2 ? "code" : "span");
    part.textContent = text;
    return part;
  });
  element.replaceChildren(...parts.filter((part) => part.textContent));
}

function showParam(param) {
  const shown = find("#param").content.cloneNode(true);
  find("label", shown).append(`${param.name} `, makeInput(param));
  find(".type", shown).textContent = typeText(param.schema);
  setText(find(".text", shown), param.description ?? param.schema.description ?? "");
  return shown;
}

function showErrors(section, method, components) {
  const list = find(".errors dl", section);
  for (const [reason, why] of Object.entries(method["x-raises"])) {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = `${reason} (${components.errors[reason].code})`;
    setText(text, why);
    list.append(term, text);
  }
  find(".errors", section).hidden = !list.firstChild;
}

async function tryIt(form, method, answer) {
  answer.hidden = false;
  answer.textContent = "…";
  try {
    const { result, error } = await call(method.name, readForm(form, method.params));
    const text = JSON.stringify(error ?? result, null, 2);
    answer.className = error ? "answer failed" : "answer";
    answer.textContent = text.length > LONGEST_ANSWER ? `${text.slice(0, LONGEST_ANSWER)}…` : text;
  } catch (trouble) {
    answer.className = "answer failed";
    answer.textContent = trouble.message || "Log in first.";
  }
}

function showMethod(method, components) {
  const shown = find("#method").content.cloneNode(true);
  const section = find("section", shown);
  const form = find("form", section);
  section.id = method.name;
  find("h3", section).textContent = method.name;
  setText(find(".summary", section), method.summary);
  setText(find(".description", section), method.description ?? "");
  find(".params", section).append(...method.params.map(showParam));
  find(".result pre", section).textContent = JSON.stringify(
    resolved(method.result.schema, components), null, 2,
  );
  showErrors(section, method, components);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tryIt(form, method, find(".answer", section));
  });
  return shown;
}

function showContents(methods) {
  const links = methods.map(({ name }) => {
    const link = document.createElement("a");
    link.href = `#${name}`;
    link.textContent = name;
    return link;
  });
  find("#contents").replaceChildren(...links);
}

function show({ info, methods, components }) {
  find("#version").textContent = `API version ${info.version}`;
  setText(find("#about"), info.description);
  showContents(methods);
  find("#methods").replaceChildren(...methods.map((method) => showMethod(method, components)));
}

async function begin() {
  const logIn = find("#log-in");
  const trouble = find("#trouble");
  try {
    show((await call("rpc.discover", {})).result);
    logIn.hidden = true;
    trouble.textContent = "";
  } catch (error) {
    logIn.hidden = !(error instanceof LogInNeeded);
    trouble.textContent = error.message;
  }
}

find("#log-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = event.target.elements.token.value.trim();
  event.target.reset();
  begin();
});
begin();
