import { byId } from './dom.js'

/**
 * Asks before something that cannot be taken back. Resolves to whether it was confirmed; Escape, the backdrop
 * and the button that has the focus at first all mean no.
 */
export function confirmDelete({ title, words }) {
  const dialog = byId('confirm')
  byId('confirm-title').textContent = title
  byId('confirm-words').textContent = words
  dialog.returnValue = ''
  byId('confirm-no').onclick = () => dialog.close('')
  byId('confirm-yes').onclick = () => dialog.close('yes')
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close('')
  }
  dialog.showModal()
  byId('confirm-no').focus()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
