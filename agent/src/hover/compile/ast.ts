/** A place in a source file, as clang's JSON has it. */
export interface AstLocation {
  /** Bytes from the beginning of the file. */
  readonly offset?: number;
  /** Bytes of the token there. */
  readonly tokLen?: number;
  /** What includes the file. */
  readonly includedFrom?: { readonly file: string };
  /** Of a token that comes from a macro: where it is written … */
  readonly spellingLoc?: AstLocation;
  /** … and where the macro's name stands. */
  readonly expansionLoc?: AstLocation;
}

/** As much as is needed here of a node of clang's AST (-Xclang -ast-dump=json). */
export interface AstNode {
  readonly id?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly range?: { readonly begin: AstLocation; readonly end: AstLocation };
  readonly type?: { readonly qualType: string; readonly desugaredQualType?: string };
  readonly inner?: readonly AstNode[];
  readonly castKind?: string;
  readonly opcode?: string;
  readonly isPostfix?: boolean;
  readonly isArrow?: boolean;
  readonly isBitfield?: boolean;
  readonly value?: string;
  readonly tagUsed?: string;
  readonly referencedDecl?: AstNode;
  /** Id of the field that a MemberExpr names. */
  readonly referencedMemberDecl?: string;
}
