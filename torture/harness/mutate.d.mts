import type { Plugin } from 'esbuild'
import type { Plugin as VitePlugin } from 'vite'

export interface Replacement {
  readonly file: string
  readonly find: string
  readonly replace: string
}
export declare function replaceSource(replacement: Replacement): Plugin
export declare function mutateSource(json: string): VitePlugin
