/** JupyterLab's side of the Showcase: the commands and where they are found, and the panel. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification, ToolbarButton } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';
import { shareIcon } from '@jupyterlab/ui-components';

import { homePath } from './forms';
import { mark } from './mark';
import { Panel } from './panel';
import { share, type Shared } from './share';

const DOMAIN = 'regional_hub_lab';
const SHARE = 'regional-hub:share';
const SHARE_SELECTED = 'regional-hub:share-selected';
const SHOW = 'regional-hub:show-panel';

const plugin: JupyterFrontEndPlugin<void> = {
  id: '@regional-hub/lab:plugin',
  description: 'Share notebooks, and the panel of the Showcase.',
  autoStart: true,
  requires: [ITranslator, INotebookTracker],
  optional: [IFileBrowserFactory, IMainMenu, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    notebooks: INotebookTracker,
    browsers: IFileBrowserFactory | null,
    menu: IMainMenu | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = translator.load(DOMAIN);
    const chinese = (translator.languageCode ?? '').toLowerCase().startsWith('zh');
    const category = trans.__('Showcase');

    const panel = new Panel(trans, chinese, {
      insert: code => insert(notebooks, code, trans.__('Open a notebook and put the cursor where the code goes.')),
      open: async path => {
        await app.commands.execute('docmanager:open', { path });
      }
    });
    panel.id = 'regional-hub-panel';
    panel.title.icon = shareIcon;
    panel.title.caption = trans.__('Showcase');
    app.shell.add(panel, 'left', { rank: 500 });
    restorer?.add(panel, panel.id);

    const done = async ({ notebook, slug }: Shared): Promise<void> => {
      try {
        await mark(opened(notebooks, notebook), app.serviceManager.contents, notebook, slug);
      } catch {
        Notification.warning(trans.__('It is shared, but %1 could not be saved with a note of that.', notebook));
      }
      await panel.refresh();
    };
    const start = async (path: string): Promise<void> => {
      const place = homePath(path);
      if (place) {
        await saved(opened(notebooks, place));
        await share(place, trans, chinese, done);
      }
    };
    app.commands.addCommand(SHARE, {
      label: trans.__('Share…'),
      caption: trans.__('Share this notebook with people, a project or everybody'),
      icon: shareIcon,
      isEnabled: () => notebooks.currentWidget !== null,
      execute: async () => {
        const current = notebooks.currentWidget;
        if (current) {
          await start(current.context.path);
        }
      }
    });
    app.commands.addCommand(SHARE_SELECTED, {
      label: trans.__('Share…'),
      icon: shareIcon,
      isVisible: () => selected(browsers) !== null,
      execute: async () => {
        const path = selected(browsers);
        if (path) {
          await start(path);
        }
      }
    });
    app.commands.addCommand(SHOW, {
      label: trans.__('Showcase: data and shared notebooks'),
      execute: () => app.shell.activateById(panel.id)
    });
    for (const command of [SHARE, SHOW]) {
      palette?.addItem({ command, category });
    }
    menu?.fileMenu.addGroup([{ command: SHARE }], 35);
    for (const selector of ['.jp-DirListing-item[data-file-type="notebook"]', '.jp-DirListing-item[data-isdir="true"]']) {
      app.contextMenu.addItem({ command: SHARE_SELECTED, selector, rank: 10 });
    }
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (widget: NotebookPanel) => {
        const button = new ToolbarButton({
          icon: shareIcon,
          tooltip: trans.__('Share…'),
          onClick: () => void start(widget.context.path)
        });
        widget.toolbar.insertItem(10, 'regional-hub-share', button);
        return button;
      }
    });
  }
};

/** The notebook of this path in the home, where it is open. */
function opened(notebooks: INotebookTracker, path: string): NotebookPanel | null {
  return notebooks.find(each => homePath(each.context.path) === path) ?? null;
}

/** Save first, so that what is sent is what is seen. */
async function saved(panel: NotebookPanel | null): Promise<void> {
  if (panel?.context.model.dirty) {
    await panel.context.save();
  }
}

function selected(browsers: IFileBrowserFactory | null): string | null {
  const browser = browsers?.tracker.currentWidget;
  const item = browser?.selectedItems().next().value;
  return item && (item.type === 'notebook' || item.type === 'directory') ? item.path : null;
}

function insert(notebooks: INotebookTracker, code: string, none: string): string {
  const editor = notebooks.activeCell?.editor;
  if (!editor || notebooks.activeCell?.model.type !== 'code') {
    return none;
  }
  const { line, column } = editor.getCursorPosition();
  const before = (editor.getLine(line) ?? '').slice(0, column).trim();
  editor.replaceSelection?.(before ? `\n${code}` : code);
  editor.focus();
  return '';
}

export default plugin;
