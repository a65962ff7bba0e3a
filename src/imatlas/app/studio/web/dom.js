// Small helps for building a page without markup in strings: elements, words for numbers, messages people see and hear.

/** @typedef {Node | string | null | false | undefined} Child */

/**
 * Make an element. Properties that begin with "on" are listeners, "class" and "text" are what they say, `style` is an object
 * of CSS properties, what is false or null is left out, the rest are attributes.
 * @param {string} tag @param {Record<string, any>} [properties] @param {...(Child | Child[])} children
 * @returns {any}
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key === "text") made.textContent = value;
    else if (key === "style") for (const [name, css] of Object.entries(value)) made.style.setProperty(name, String(css));
    else if (key === "value") /** @type {HTMLInputElement} */ (made).value = value;
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, String(value));
  }
  made.append(
    .../** @type {(Node | string)[]} */ (
      children.flat().filter((child) => child !== null && child !== false && child !== undefined)
    ),
  );
  return made;
}

/** @param {string} id @returns {any} the element of that id */
export function get(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page lacks #${id}.`);
  return found;
}

/** @param {number} value @returns {string} with thousands marked, or three digits */
export function number(value) {
  if (!Number.isFinite(value)) return "none";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

/** @param {number} count @param {string} noun @returns {string} "1 image", "2 images" */
export function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param {number} seconds @returns {string} "40 s", "12 min", "1 h 5 min" */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {string} base64 @returns {string} an address of that PNG */
export const pngUrl = (base64) => `data:image/png;base64,${base64}`;

/** Say something to those who listen instead of looking. @param {string} text */
export function announce(text) {
  const live = get("live");
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}

/**
 * Show a message for a while; an action stays longer. It takes the place of the last one about the same thing.
 * @param {string} text @param {{bad?: boolean, action?: string, run?: () => void, about?: string}} [how]
 */
export function say(text, { bad = false, action, run, about = text } = {}) {
  const host = get("toasts");
  for (const old of [...host.children]) if (old.dataset.about === about) old.remove();
  while (host.children.length > 1) host.firstElementChild?.remove();
  const close = () => toast.remove();
  const button =
    action && run
      ? el(
          "button",
          {
            type: "button",
            class: "small",
            onclick: () => {
              close();
              run();
            },
          },
          action,
        )
      : null;
  const toast = el(
    "div",
    { class: bad ? "toast bad" : "toast", "data-about": about },
    el("p", {}, text),
    button,
    el("button", { type: "button", class: "icon", "aria-label": "Close the message", onclick: close }, "×"),
  );
  host.append(toast);
  setTimeout(close, bad || button ? 12_000 : 5_000);
}

/** Show a refusal; what was given up on purpose is silent. @param {unknown} error */
export function complain(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  say(error instanceof Error ? error.message : String(error), { bad: true });
}

/**
 * Do something that may be refused, while a button shows that it is under way.
 * @param {HTMLButtonElement | null} button @param {() => Promise<void>} work
 */
export async function busy(button, work) {
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** @param {Blob} blob @returns {Promise<string>} its bytes in base64 */
export function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(new Error("The file could not be read. Choose it again."));
    reader.readAsDataURL(blob);
  });
}

/** Give a file to the person. @param {string} url @param {string} name */
export function download(url, name) {
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Whether the person asked for less movement. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
/** Whether the page is dark. */
export const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
