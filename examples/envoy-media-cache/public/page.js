import { attachMedia } from './mediakeep-client.js'

const element = (id) => document.getElementById(id)
const [gallery, add, problem, told] = ['gallery', 'add', 'problem', 'told'].map(element)
const shown = new Set()

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function show({ name, path }) {
  if (shown.has(name)) return
  shown.add(name)
  const image = make('img', { src: 'placeholder.svg', alt: `Hills, ${name}`, width: 720, height: 480 })
  const state = make('span', { className: 'state', textContent: 'asking' })
  const about = make(
    'p',
    { className: 'about' },
    make('span', { className: 'name', textContent: name }),
    state,
  )
  gallery.append(make('li', {}, make('a', { href: path, title: `Open ${name}` }, image), about))
  attachMedia(image, path, {
    onState(now) {
      state.textContent = now
      state.dataset.state = now
      told.textContent = `${name}: ${now}`
      element('ready').textContent = String(gallery.querySelectorAll('img[data-media-state=ready]').length)
    },
  })
}

async function refresh(method = 'GET') {
  try {
    const response = await fetch('pictures', { method })
    const { pictures, paid, isFull } = await response.json()
    for (const picture of pictures) show(picture)
    element('total').textContent = String(pictures.length)
    element('reads').textContent = String(paid.reads)
    add.disabled = isFull
    problem.hidden = true
  } catch {
    problem.textContent = 'The app does not answer. Is the example still running?'
    problem.hidden = false
  }
  gallery.ariaBusy = 'false'
}

add.addEventListener('click', () => void refresh('POST'))
await refresh()
// The gate adds what it read to the ledger every few seconds.
setInterval(() => document.hidden || void refresh(), 2_000)
