// The metrics API. What goes wrong is an ApiError whose message is for people.

const TIMEOUT_MS = 15000;

export class ApiError extends Error {
  constructor(title, detail, status) {
    super(detail || title);
    this.title = title;
    this.status = status;
  }
}

/** A document: `get("stat", {kind: "deployment"}, signal)`. Parameters without a value are left out. */
export async function get(name, parameters, signal) {
  const query = new URLSearchParams(Object.entries(parameters ?? {}).filter(([, value]) => value));
  const response = await ask(`/api/v1/${name}?${query}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
  try {
    return await response.json();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError("Unreadable answer", `${name}: the answer is not whole`, response.status);
  }
}

/** The events of a tap, one after the other, until the signal or the server ends it. */
export async function* tap(query, signal) {
  const response = await ask("/api/v1/tap", {
    method: "POST",
    body: JSON.stringify(query),
    headers: { "content-type": "application/json" },
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield event(line);
  }
}

function event(line) {
  const document = JSON.parse(line);
  // A problem in the middle of the stream: its head was sent long ago.
  if (document.title !== undefined && document.code !== undefined) {
    throw new ApiError(document.title, document.detail, document.status);
  }
  return document;
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const what = error.name === "TimeoutError" ? `no answer in ${TIMEOUT_MS / 1000} s` : "no connection";
    throw new ApiError("The metrics API is away", `${what}; is \`linkerd viz dashboard\` still running?`, 0);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(problem.title ?? `HTTP ${response.status}`, problem.detail ?? response.statusText, response.status);
}
