/* Type, words and tag to show. They live in the address: a reload, a bookmark and the back button keep them. */
import { byId, element, icon } from './dom.js'

const TYPING_PAUSE_MS = 200

/** `onChange({ type, q, tag })` when the user asks for something else. */
export function createFilters({ onChange }) {
  const form = byId('filters')
  const tagLine = byId('tag-filter')
  let wanted = {}
  let typing

  function read() {
    const query = new URLSearchParams(location.search)
    wanted = { type: query.get('type') ?? '', q: query.get('q') ?? '', tag: query.get('tag') ?? '' }
    const radio = [...form.elements.type].find(({ value }) => value === wanted.type)
    if (radio === undefined) wanted.type = ''
    else radio.checked = true
    form.elements.q.value = wanted.q
    renderTag()
  }

  function want(change) {
    const before = JSON.stringify(wanted)
    wanted = { ...wanted, ...change }
    if (JSON.stringify(wanted) === before) return
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ''))
    history.replaceState(undefined, '', query.size > 0 ? `?${query}` : location.pathname)
    renderTag()
    onChange(wanted)
  }

  function renderTag() {
    tagLine.hidden = wanted.tag === ''
    if (wanted.tag === '') return
    const forget = element(
      'button',
      {
        type: 'button',
        class: 'tag',
        'aria-label': `Stop showing only ${wanted.tag}`,
        on: { click: () => want({ tag: '' }) },
      },
      wanted.tag,
      icon('close'),
    )
    tagLine.replaceChildren('Tagged ', forget)
  }

  form.addEventListener('submit', (event) => event.preventDefault())
  form.addEventListener('change', () => want({ type: form.elements.type.value }))
  form.elements.q.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => want({ q: form.elements.q.value.trim() }), TYPING_PAUSE_MS)
  })
  addEventListener('popstate', () => {
    read()
    onChange(wanted)
  })
  addEventListener('keydown', (event) => {
    const isTyping = event.target.matches?.('input, textarea')
    if (event.key !== '/' || isTyping || document.querySelector('dialog[open]') !== null) return
    event.preventDefault()
    form.elements.q.focus()
  })

  read()
  return {
    get wanted() {
      return wanted
    },
    isAny: () => wanted.type !== '' || wanted.q !== '' || wanted.tag !== '',
    findTag: (tag) => want({ tag }),
    clear() {
      form.reset()
      want({ type: '', q: '', tag: '' })
    },
    /** Whether a new file belongs to what is shown, as far as can be told here. */
    matches({ contentType, filename, tags }) {
      const { type, q, tag } = wanted
      const words = q.toLowerCase().split(/\s+/)
      return (
        contentType.startsWith(type.replace('*', '')) &&
        words.every((word) => filename.toLowerCase().includes(word)) &&
        (tag === '' || tags.includes(tag))
      )
    },
  }
}
