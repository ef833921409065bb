/** The mark in a notebook of which publication it is, by which it is recognised under another name too. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

const KEY = 'regional_hub';

type Metadata = Record<string, unknown>;

/** The metadata with the mark; null where it is there already. */
export function marked(metadata: Metadata, slug: string): Metadata | null {
  const ours = (metadata[KEY] ?? {}) as Metadata;
  return ours.publication === slug ? null : { ...metadata, [KEY]: { ...ours, publication: slug } };
}

/** Mark a notebook and save it: through its model where it is open, so that nothing that is typed there is lost. */
export async function mark(open: NotebookPanel | null, contents: Contents.IManager, path: string, slug: string): Promise<void> {
  if (open) {
    const shared = open.context.model.sharedModel;
    const metadata = marked(shared.getMetadata() as Metadata, slug);
    if (metadata) {
      shared.setMetadata(KEY, metadata[KEY] as never);
      await open.context.save();
    }
    return;
  }
  const file = await contents.get(path, { type: 'notebook', content: true });
  const metadata = marked(file.content.metadata, slug);
  if (metadata) {
    await contents.save(path, { type: 'notebook', format: 'json', content: { ...file.content, metadata } });
  }
}
