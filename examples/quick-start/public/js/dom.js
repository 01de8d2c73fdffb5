/*
 * The only place that makes elements. Text goes in as text nodes and attributes as attributes:
 * a file named `<img onerror=...>` is shown, never run.
 */

/** `element('button', { class: 'x', on: { click } }, 'words', child)`; attributes that are false or undefined stay away. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  const { on = {}, ...rest } = attributes
  for (const [key, value] of Object.entries(rest)) setAttribute(made, key, value)
  for (const [type, listener] of Object.entries(on)) made.addEventListener(type, listener)
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== false))
  return made
}

export function setAttribute(target, name, value) {
  if (value === undefined || value === null || value === false) target.removeAttribute(name)
  else target.setAttribute(name, value === true ? '' : String(value))
}

/** Writes only what differs, so that a screen reader does not read the same words twice. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text
}

const SVG = 'http://www.w3.org/2000/svg'

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('aria-hidden', 'true')
  svg.setAttribute('class', 'icon')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#icon-${name}`)
  svg.append(use)
  return svg
}

/** A button that shows a picture and says its words to those who cannot see it, and on hover. */
export function iconButton(iconName, label, click, attributes = {}) {
  return element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, on: { click }, ...attributes },
    icon(iconName),
  )
}

export const byId = (id) => document.getElementById(id)
