/** What our server extension answers (regional_hub/lab/share_api.py) and is sent. Types only. */

export interface Item {
  name: string;
  size: number;
  why: string;
  why_zh: string;
}

export interface Revision {
  number: number;
  state: string;
  entry: string;
  link: string;
}

export interface Publication {
  slug: string;
  link: string;
  kind: string;
  author: string;
  author_name: string;
  title: string;
  title_zh: string;
  summary: string;
  summary_zh: string;
  tags: string[];
  goals: number[];
  licence: string;
  audience: string;
  public: boolean;
  expires_on: string | null;
  withdrawn_at: string | null;
  revisions: Revision[];
}

export interface Plan {
  entry: string;
  notebook: string; // the entry's path in the home
  files: Item[];
  left_out: Item[];
  size: number;
  title: string;
  pictures: { id: string; mime: string; data: string; item: Item }[];
  earlier: Publication[];
  chosen: string; // the slug of the earlier one that this is a revision of, else empty
}

export interface Person {
  username: string;
  name: string;
}

export interface Options {
  me: Person;
  projects: { name: string; title: string; title_zh: string }[];
  licences: string[];
  kinds: string[];
  goals: { number: number; title: string; title_zh: string }[];
}

export interface Entry {
  name: string;
  title: string;
  title_zh: string;
  description: string;
  description_zh: string;
  licence: string;
  source: string;
  source_zh: string;
  tags: string[];
  parameters: { name: string; description: string; description_zh: string; default: string }[];
  code: string;
}

/** The first rows of an entry, or the variables of a cube. */
export interface Rows {
  columns: string[];
  columns_zh?: string[]; // where the heads are ours and not the data's
  rows: string[][];
}

/** What the form of sharing holds. */
export interface Form {
  audience: string;
  people: string[];
  project: string;
  title: string;
  title_zh: string;
  summary: string;
  summary_zh: string;
  tags: string;
  goals: number[];
  licence: string;
  kind: string;
  note: string;
}

export interface Published {
  new: boolean;
  link: string;
  number: number;
  publication: { slug: string };
}

export interface Sending {
  sent: number;
  total: number;
  answer: Published | null;
  error: { code: string; en: string; zh: string } | null;
}
