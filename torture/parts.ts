import { aborts } from './aborts/aborts.ts'
import { controls } from './controls/controls.ts'
import { corruption } from './corruption/corruption.ts'
import { gcModel } from './gc-model/part.ts'
import type { Part } from './harness/part.ts'
import { crowd } from './kills/crowd-part.ts'
import { kills } from './kills/kills.ts'
import { kits } from './kits/kits.ts'
import { mutations } from './mutations/part.ts'
import { persistence } from './persistence/part.ts'
import { power } from './power/part.ts'
import { rebuild } from './rebuild/rebuild.ts'
import { simulation } from './simulation/part.ts'
import { smallDisk } from './small-disk/small-disk.ts'
import { soak } from './soak/soak.ts'
import { sweep } from './sweep/part.ts'
import { uploads } from './uploads/part.ts'

/** Every way to torment the store, in the order in which they run: the quick ones first. */
export const parts: readonly Part[] = [
  kits,
  aborts,
  controls,
  smallDisk,
  corruption,
  rebuild,
  persistence,
  sweep,
  gcModel,
  simulation,
  kills,
  crowd,
  uploads,
  power,
  soak,
  mutations,
]
