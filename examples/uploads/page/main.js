import { showArrived } from './arrived.js'
import { byId, setText } from './dom.js'
import { createChunkedDoor } from './doors/chunked.js'
import { createDirectDoor } from './doors/direct.js'
import { createPresignedDoor } from './doors/presigned.js'
import { ask } from './doors/service.js'
import { createTusDoor } from './doors/tus.js'
import { createUploadRows } from './upload-rows.js'
import { createUploads } from './uploads.js'

const { hasBucket } = await ask('GET', '/settings.json')
const doors = {
  tus: createTusDoor(),
  chunked: createChunkedDoor(),
  presigned: createPresignedDoor(),
  direct: createDirectDoor({ hasBucket }),
}

/** Told to those who look and to those who listen. */
const say = (words) => setText(byId('told'), words)
const tell = (error) => say(`The list could not be read: ${error.message}`)

const rows = createUploadRows({ acts: () => ({ ...uploads, choose: chooseFor }) })
const uploads = createUploads({
  doors,
  onChange(upload) {
    rows.render(upload)
    if (upload.state === 'done') {
      say(`${upload.name} has arrived`)
      showArrived(upload.mediaId).catch(tell)
    }
    if (upload.state === 'failed') say(`${upload.name} failed. ${upload.problem.message}`)
    if (upload.state === 'cancelled') say(`${upload.name} was cancelled`)
  },
})
for (const upload of uploads.all()) rows.render(upload)

const chosenDoor = () => document.querySelector('input[name=door]:checked').value

function add(files) {
  for (const file of files) {
    // There are no empty media, and a folder is none either.
    if (file.size === 0) say(`${file.name} is empty`)
    else if (!uploads.add(file, chosenDoor())) say(`${file.name} is under way already`)
  }
}

const input = byId('files')
byId('choose').addEventListener('click', () => input.click())
input.addEventListener('change', () => {
  add(input.files)
  input.value = '' // The same file again is a change, too.
})

/** The file of an upload that an earlier page began. */
let interrupted
const again = byId('file-again')
function chooseFor(upload) {
  interrupted = upload
  again.click()
}
again.addEventListener('change', () => {
  const [file] = again.files
  again.value = ''
  if (file === undefined || interrupted === undefined) return
  if (file.name !== interrupted.name || file.size !== interrupted.sizeBytes)
    say(`${file.name} is another file than ${interrupted.name}`)
  else uploads.add(file, interrupted.door)
})

const drop = byId('drop')
const hold = (event) => {
  event.preventDefault()
  drop.classList.toggle('over', event.type === 'dragover')
}
for (const type of ['dragover', 'dragleave', 'drop']) document.addEventListener(type, hold)
document.addEventListener('drop', ({ dataTransfer }) => add(dataTransfer.files))

const wanted = document.querySelector(`input[name=door][value="${CSS.escape(location.hash.slice(1))}"]`)
if (wanted !== null) wanted.checked = true
byId('doors').addEventListener('change', () => history.replaceState(null, '', `#${chosenDoor()}`))

showArrived().catch(tell)
document.body.dataset.ready = ''
