import type {
  AnyNode,
  ArrowFunctionExpression,
  CallExpression,
  FunctionDeclaration,
  FunctionExpression,
  ImportExpression,
} from 'acorn';

/** acorn's own `Function` is wider than its union of nodes. */
export type FunctionNode = FunctionExpression | ArrowFunctionExpression;
type AnyFunctionNode = FunctionNode | FunctionDeclaration | Extract<AnyNode, { type: 'FunctionDeclaration' }>;

/** A use of a name that nothing inside the function declares. Offsets are those of the parsed text. */
export interface FreeName {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `name.member`: the member and the end of the expression. */
  readonly member: { readonly name: string; readonly end: number } | null;
  /** `name(…)`: the call. */
  readonly call: CallExpression | null;
}

/** What one function takes from outside of itself. */
export interface OutsideUses {
  readonly names: readonly FreeName[];
  readonly imports: readonly ImportExpression[];
  /** `this`, `super`, `import.meta`, `new.target` that reach beyond the function. */
  readonly keywords: readonly string[];
}

interface Scope {
  readonly names: Set<string>;
  readonly parent: Scope | null;
  /** True where `this` is not the one of the surroundings. */
  readonly ownThis: boolean;
}

/** Finds what `root` uses of its surroundings, by the scope rules of strict code. */
export function outsideUses(root: FunctionNode): OutsideUses {
  const analysis = new Analysis();
  analysis.visit(root, { names: new Set(), parent: null, ownThis: false }, null);
  return analysis;
}

class Analysis implements OutsideUses {
  readonly names: FreeName[] = [];
  readonly imports: ImportExpression[] = [];
  readonly keywords: string[] = [];
  private depth = 0;

  visit(node: AnyNode, scope: Scope, parent: AnyNode | null): void {
    switch (node.type) {
      case 'Identifier':
        this.reference(node.name, node, scope, parent);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.visitFunction(node, scope);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression': {
        const inside = child(scope, node.id ? [node.id.name] : []);
        this.visitAll([node.superClass, node.body], inside, node);
        return;
      }
      case 'PropertyDefinition':
      case 'MethodDefinition':
        if (node.computed) this.visit(node.key as AnyNode, scope, node);
        if (node.value) this.visit(node.value, { names: new Set(), parent: scope, ownThis: true }, node);
        return;
      case 'Property':
        if (node.computed) this.visit(node.key, scope, node);
        this.visit(node.value, scope, node);
        return;
      case 'MemberExpression':
        this.visit(node.object, scope, node);
        if (node.computed) this.visit(node.property as AnyNode, scope, node);
        return;
      case 'LabeledStatement':
        this.visit(node.body, scope, node);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'ThisExpression':
      case 'Super':
        if (!hasOwnThis(scope)) this.keywords.push(node.type === 'Super' ? 'super' : 'this');
        return;
      case 'MetaProperty':
        if (node.meta.name === 'import') this.keywords.push('import.meta');
        return;
      case 'ImportExpression':
        this.imports.push(node);
        this.visitChildren(node, scope);
        return;
      default:
        this.visitChildren(node, blockScope(node, scope));
        return;
    }
  }

  private visitFunction(node: AnyFunctionNode, scope: Scope): void {
    const arrow = node.type === 'ArrowFunctionExpression';
    // `this` of the shipped function itself is the surroundings' affair: nobody could give it one.
    const ownThis = !arrow && this.depth > 0;
    const outer = node.type === 'FunctionExpression' && node.id ? child(scope, [node.id.name]) : scope;
    const names = new Set(arrow ? [] : ['arguments']);
    for (const parameter of node.params) patternNames(parameter as AnyNode, names);
    const parameters: Scope = { names, parent: outer, ownThis };
    this.depth++;
    this.visitAll(node.params as AnyNode[], parameters, node);
    if (node.body.type === 'BlockStatement') {
      const body = child(parameters, []);
      for (const statement of node.body.body) hoistVars(statement, body.names);
      declareLexical(node.body.body, body.names);
      this.visitAll(node.body.body, body, node.body);
    } else {
      this.visit(node.body, parameters, node);
    }
    this.depth--;
  }

  private reference(name: string, at: AnyNode, scope: Scope, parent: AnyNode | null): void {
    for (let s: Scope | null = scope; s !== null; s = s.parent) if (s.names.has(name)) return;
    const { start, end } = at;
    let member: FreeName['member'] = null;
    if (parent?.type === 'MemberExpression' && parent.object === at) {
      const key = parent.property;
      if (!parent.computed && key.type === 'Identifier') member = { name: key.name, end: parent.end };
      else if (key.type === 'Literal' && typeof key.value === 'string')
        member = { name: key.value, end: parent.end };
    }
    const call = parent?.type === 'CallExpression' && parent.callee === at ? parent : null;
    this.names.push({ name, start, end, member, call });
  }

  private visitAll(nodes: readonly (AnyNode | null | undefined)[], scope: Scope, parent: AnyNode): void {
    for (const node of nodes) if (node) this.visit(node, scope, parent);
  }

  private visitChildren(node: AnyNode, scope: Scope): void {
    for (const inner of children(node)) this.visit(inner, scope, node);
  }
}

function child(parent: Scope, names: readonly string[]): Scope {
  return { names: new Set(names), parent, ownThis: false };
}

function hasOwnThis(scope: Scope): boolean {
  for (let s: Scope | null = scope; s !== null; s = s.parent) if (s.ownThis) return true;
  return false;
}

/** The scope inside a node that opens one for let, const, class, function, catch parameters or loop heads. */
function blockScope(node: AnyNode, scope: Scope): Scope {
  switch (node.type) {
    case 'BlockStatement': {
      const inside = child(scope, []);
      declareLexical(node.body, inside.names);
      return inside;
    }
    case 'StaticBlock': {
      const inside: Scope = { names: new Set(), parent: scope, ownThis: true };
      for (const statement of node.body) hoistVars(statement, inside.names);
      declareLexical(node.body, inside.names);
      return inside;
    }
    case 'SwitchStatement': {
      const inside = child(scope, []);
      for (const branch of node.cases) declareLexical(branch.consequent, inside.names);
      return inside;
    }
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement': {
      const inside = child(scope, []);
      const head = node.type === 'ForStatement' ? node.init : node.left;
      if (head?.type === 'VariableDeclaration') declareLexical([head], inside.names);
      return inside;
    }
    case 'CatchClause': {
      const inside = child(scope, []);
      if (node.param) patternNames(node.param, inside.names);
      return inside;
    }
    default:
      return scope;
  }
}

function declareLexical(statements: readonly AnyNode[], names: Set<string>): void {
  for (const statement of statements) {
    if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') {
      if (statement.id) names.add(statement.id.name);
    } else if (statement.type === 'VariableDeclaration' && statement.kind !== 'var') {
      for (const declarator of statement.declarations) patternNames(declarator.id, names);
    }
  }
}

/** `var` declarations anywhere below, but not inside other functions and classes. */
function hoistVars(node: AnyNode, names: Set<string>): void {
  if (isFunction(node) || node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return;
  if (node.type === 'VariableDeclaration' && node.kind === 'var') {
    for (const declarator of node.declarations) patternNames(declarator.id, names);
  }
  for (const inner of children(node)) hoistVars(inner, names);
}

function isFunction(node: AnyNode): boolean {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  );
}

/** The names a binding pattern declares. */
function patternNames(pattern: AnyNode, names: Set<string>): void {
  switch (pattern.type) {
    case 'Identifier':
      names.add(pattern.name);
      return;
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        patternNames(property.type === 'RestElement' ? property.argument : property.value, names);
      }
      return;
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element) patternNames(element, names);
      return;
    case 'AssignmentPattern':
      patternNames(pattern.left, names);
      return;
    case 'RestElement':
      patternNames(pattern.argument, names);
      return;
    default:
      return;
  }
}

/** The nodes directly below one, in no particular order. */
function* children(node: AnyNode): Generator<AnyNode> {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) yield item;
    } else if (isNode(value)) yield value;
  }
}

function isNode(value: unknown): value is AnyNode {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
