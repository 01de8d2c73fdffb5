/* Files from wherever they come: dropped, chosen, pasted, alone or as whole folders. Each as `{ file, tags }`. */
import { byId } from './dom.js'

/** A folder is read in portions; an empty portion is its end. */
async function entriesOf(folder) {
  const reader = folder.createReader()
  const entries = []
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (portion.length === 0) return entries
    entries.push(...portion)
  }
}

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject))

/** What systems leave in folders and nobody means to keep. */
const isLitter = (name) => name === '.DS_Store' || name === 'Thumbs.db' || name === 'desktop.ini'

async function* walk(entry, tags) {
  if (entry.isFile) {
    if (!isLitter(entry.name)) yield { file: await fileOf(entry), tags }
    return
  }
  // A file is tagged with the folder it lies in: that is how it is found again.
  for (const child of await entriesOf(entry)) yield* walk(child, [tagOf(entry.name)])
}

const tagOf = (folderName) => folderName.trim().slice(0, 60)

async function droppedFiles(transfer) {
  // Entries must be taken before the first await: the browser empties the list once the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, tags: [] }))
  const found = []
  for (const entry of entries) for await (const one of walk(entry, [])) found.push(one)
  return found
}

function chosenFiles(input) {
  return [...input.files]
    .filter((file) => !isLitter(file.name))
    .map((file) => {
      const folders = file.webkitRelativePath.split('/').slice(0, -1)
      return { file, tags: folders.length > 0 ? [tagOf(folders.at(-1))] : [] }
    })
}

/** Pasted pictures are all called image.png: give each the time instead. */
function withOwnName(file) {
  if (!/^image\.\w+$/.test(file.name)) return file
  const stamp = new Date().toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '.')
  return new File([file], `Pasted ${stamp}.${file.name.split('.').pop()}`, { type: file.type })
}

/** Calls `onFiles([{ file, tags }])` for everything that comes in; `onUnreadable()` when a folder could not be read. */
export function watchIncoming({ onFiles, onUnreadable }) {
  const take = async (gathering) => {
    try {
      const files = await gathering
      if (files.length > 0) onFiles(files)
    } catch {
      onUnreadable()
    }
  }

  for (const [button, input] of [
    ['choose-files', 'file-input'],
    ['choose-folder', 'folder-input'],
  ]) {
    byId(button).addEventListener('click', () => byId(input).click())
    byId(input).addEventListener('change', (event) => {
      void take(chosenFiles(event.target))
      event.target.value = '' // The same file may be chosen again.
    })
  }

  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files')
  const veil = byId('veil')
  let depth = 0
  const setDepth = (value) => {
    depth = value
    veil.hidden = depth === 0
  }
  addEventListener('dragenter', (event) => {
    if (carriesFiles(event)) setDepth(depth + 1)
  })
  addEventListener('dragleave', (event) => {
    if (carriesFiles(event)) setDepth(Math.max(0, depth - 1))
  })
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'copy'
  })
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    setDepth(0)
    void take(droppedFiles(event.dataTransfer))
  })
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    void take(files.map((file) => ({ file: withOwnName(file), tags: [] })))
  })
}
