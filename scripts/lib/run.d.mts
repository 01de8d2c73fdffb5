/** What to start to get pnpm in the version package.json names, on a machine that has only Node and npm. */
export function pnpmCommand(): { command: string; args: string[]; shell: boolean }

/** Path of a tool's own JavaScript entry: started with this Node, without a shell and without a .bin link. */
export function toolPath(packageName: string, bin?: string): string
