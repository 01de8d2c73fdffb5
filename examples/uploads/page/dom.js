/* The only place that makes elements: names of files go in as text, never as markup. */

/** `element('button', { class: 'x', on: { click } }, 'words', child)`; what is false or undefined stays away. */
export function element(name, { on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : String(value))
  for (const [type, listener] of Object.entries(on)) made.addEventListener(type, listener)
  made.append(...children.filter((child) => child !== undefined && child !== false))
  return made
}

/** Writes only what differs, so that nothing is read out twice. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text
}

export const byId = (id) => document.getElementById(id)
