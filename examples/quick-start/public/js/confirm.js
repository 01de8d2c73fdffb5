import { byId } from './dom.js'

/**
 * Asks before something that cannot be taken back. Resolves to whether it was confirmed; Escape, the backdrop
 * and the button that has the focus at first all mean no.
 */
export function confirmDelete({ title, words }) {
  const dialog = byId('confirm')
  byId('confirm-title').textContent = title
  byId('confirm-words').textContent = words
  return new Promise((resolve) => {
    // The event `close` comes late: a next question may be open by then, and it is not its answer.
    const answer = (isYes) => {
      dialog.close()
      resolve(isYes)
    }
    byId('confirm-no').onclick = () => answer(false)
    byId('confirm-yes').onclick = () => answer(true)
    dialog.onclose = () => {
      if (!dialog.open) resolve(false)
    }
    dialog.onclick = (event) => {
      if (event.target === dialog) answer(false)
    }
    dialog.showModal()
    byId('confirm-no').focus()
  })
}
