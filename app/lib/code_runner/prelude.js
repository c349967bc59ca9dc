(function (deliver) {
  "use strict";
  const { stringify, parse } = JSON;
  const Make = Function;
  const PromiseType = Promise;
  const text = String;
  const MOST_LINES = 100, MOST_CHARACTERS = 1000;
  let lines = 0;
  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return text(value);
    try {
      const written = stringify(value);
      return written === undefined ? text(value) : written;
    } catch (error) {
      return text(value);
    }
  }
  function teller(level) {
    return function (...values) {
      lines += 1;
      if (lines > MOST_LINES) return;
      let line = "";
      for (let index = 0; index < values.length && line.length <= MOST_CHARACTERS; index += 1) {
        line += (index ? " " : "") + shown(values[index]);
      }
      deliver(level, line.slice(0, MOST_CHARACTERS));
    };
  }
  globalThis.console = {
    log: teller("info"), info: teller("info"), debug: teller("debug"), warn: teller("warn"), error: teller("error"), trace: teller("debug"),
  };
  const names = ["input", "contact", "steps", "vars"];
  function compiled(code) {
    return new Make(...names, '"use strict";\n' + code);
  }
  function failure(error) {
    if (error instanceof Error) {
      return stringify({ failed: true, name: text(error.name), message: text(error.message), stack: text(error.stack) });
    }
    if (error === null) return '{"memory":true}'; // what the engine throws when there is no memory for an error
    return stringify({ failed: true, name: "Thrown", message: shown(error), stack: "" });
  }
  return {
    check(code) {
      try {
        compiled(code);
        return '{"ok":true}';
      } catch (error) {
        return failure(error);
      }
    },
    run(code, data, most) {
      try {
        const values = parse(data);
        const value = compiled(code)(values.input, values.contact, values.steps, values.vars);
        if (value instanceof PromiseType) {
          return '{"failed":true,"name":"","message":"The code returns a promise. There is nothing to wait for here: return the value.","stack":""}';
        }
        const written = stringify(value);
        if (written !== undefined && written.length > most) return '{"large":true}';
        return '{"value":' + (written === undefined ? "null" : written) + "}";
      } catch (error) {
        return failure(error);
      }
    },
  };
})
