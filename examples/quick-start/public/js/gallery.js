/* The list of files: newest first, page by page as the end comes into sight, one card each. */
import { listMedia } from './api.js'
import { createCard } from './card.js'
import { createCopies } from './copies.js'
import { byId, element } from './dom.js'

const PAGE_SIZE = 24

/** `filters` of filters.js, `actions` of card.js. */
export function createGallery({ filters, actions, announce }) {
  const list = byId('gallery')
  const note = byId('gallery-note')
  const more = byId('more')
  const cards = new Map()
  const copies = createCopies({ onChange: (id) => showCopies(id) })
  let nextCursor
  let loading
  let failed = false

  const showCopies = (id) => {
    const card = cards.get(id)
    card?.showCopies(copies.count(card.media))
  }

  function addCard(media, { first }) {
    if (cards.has(media.id)) return cards.get(media.id).update(media)
    const card = createCard(media, actions)
    cards.set(media.id, card)
    if (first) list.prepend(card.root)
    else list.append(card.root)
    copies.add(media)
  }

  function clear() {
    for (const card of cards.values()) card.destroy()
    cards.clear()
    copies.clear()
  }

  function renderNote() {
    const isEmpty = cards.size === 0 && loading === undefined
    document.body.classList.toggle('is-empty', isEmpty && !failed && !filters.isAny())
    note.hidden = !failed && !(isEmpty && filters.isAny())
    if (failed)
      note.replaceChildren(
        'The list could not be read. ',
        button('Try again', () => void reload()),
      )
    else note.replaceChildren('Nothing here matches. ', button('Show everything', filters.clear))
    more.hidden = nextCursor === undefined
    list.setAttribute('aria-busy', String(loading !== undefined))
  }

  const button = (words, click) => element('button', { type: 'button', class: 'quiet', on: { click } }, words)

  /** A newer request makes an older one pointless: it is aborted, and its answer not shown. */
  async function load({ fresh }) {
    if (!fresh && (loading !== undefined || nextCursor === undefined)) return
    loading?.abort()
    const mine = new AbortController()
    loading = mine
    more.disabled = true
    const cursor = fresh ? undefined : nextCursor
    try {
      const page = await listMedia({ ...filters.wanted, cursor, limit: PAGE_SIZE, signal: mine.signal })
      if (loading !== mine) return
      if (fresh) clear()
      for (const media of page.items) addCard(media, { first: false })
      nextCursor = page.nextCursor
      failed = false
    } catch (error) {
      if (loading !== mine || error.name === 'AbortError') return
      failed = true
    }
    loading = undefined
    more.disabled = false
    renderNote()
    if (fresh && filters.isAny()) announce(`${cards.size}${nextCursor ? ' or more' : ''} files match`)
    watchEnd()
  }

  const reload = () => load({ fresh: true })

  const endInSight = new IntersectionObserver(
    ([change]) => {
      if (change.isIntersecting) void load({ fresh: false })
    },
    { rootMargin: '600px' },
  )
  /** Asked anew after each page: an end that stays in sight does not report again by itself. */
  function watchEnd() {
    endInSight.unobserve(more)
    if (nextCursor !== undefined && !failed) endInSight.observe(more)
  }
  more.addEventListener('click', () => void load({ fresh: false }))

  return {
    reload,
    /** A file that came in now. Answers whether its bytes were on the page already. */
    add(media) {
      const isCopy = copies.has(media) && !cards.has(media.id)
      if (filters.matches(media)) addCard(media, { first: true })
      renderNote()
      return isCopy
    },
    update(media) {
      cards.get(media.id)?.update(media)
    },
    /** Takes it away and puts the focus where the eye is: on the next one. */
    remove(media) {
      const card = cards.get(media.id)
      if (card === undefined) return
      const neighbour = card.root.nextElementSibling ?? card.root.previousElementSibling
      cards.delete(media.id)
      copies.remove(media)
      card.destroy()
      renderNote()
      if (neighbour !== null) cards.get(neighbour.dataset.id)?.focus()
      else byId('choose-files').focus()
    },
    copiesOf: (media) => copies.count(media),
    /** The one before (-1) or after (1), as shown. */
    neighbour(media, step) {
      const root = cards.get(media.id)?.root
      const beside = step < 0 ? root?.previousElementSibling : root?.nextElementSibling
      return beside ? cards.get(beside.dataset.id)?.media : undefined
    },
    focus: (media) => cards.get(media.id)?.focus(),
  }
}
