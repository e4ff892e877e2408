/** Reads deploy/kubernetes as far as kustomize is used there, where no kubectl is at hand. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const manifests = 'deploy/kubernetes';

/** One Kubernetes object. Its fields are read as the tests need them. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec: Fields;
  stringData?: Record<string, string>;
}

// A manifest has hundreds of fields; declaring them would test the declaration.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fields = Record<string, any>;

export interface Kustomization {
  kind: 'Kustomization' | 'Component';
  namespace?: string;
  resources?: string[];
  components?: string[];
  images?: { name: string; newName: string; newTag: string }[];
  configMapGenerator?: { name: string; literals: string[]; behavior?: string }[];
}

/** @throws on the first document that is no YAML */
export function readDocuments<Document>(file: string): Document[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    if (document.errors[0] !== undefined) throw new Error(`${file}: ${document.errors[0].message}`);
    return document.toJS() as Document;
  });
}

/** Everything below a folder, paths from the working directory. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

export interface Rendered {
  kustomizations: (Kustomization & { folder: string })[];
  /** By the file that each comes from. */
  objects: (Manifest & { file: string })[];
  files: string[];
}

/** What a folder's kustomization leads to, itself included. */
export function render(folder: string): Rendered {
  const file = join(folder, 'kustomization.yaml');
  const [own] = readDocuments<Kustomization>(file);
  if (own === undefined) throw new Error(`${file} is empty`);
  const below = [...(own.resources ?? []), ...(own.components ?? [])].map((path): Rendered => {
    const target = normalize(join(folder, path));
    if (statSync(target).isDirectory()) return render(target);
    const objects = readDocuments<Manifest>(target).map((object) => ({ ...object, file: target }));
    return { kustomizations: [], objects, files: [target] };
  });
  return {
    kustomizations: [...below.flatMap((part) => part.kustomizations), { ...own, folder: dirname(file) }],
    objects: below.flatMap((part) => part.objects),
    files: [file, ...below.flatMap((part) => part.files)],
  };
}
