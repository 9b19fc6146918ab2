From mathcomp Require Import all_ssreflect all_algebra.
From Coq Require Import Ring.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(** * What is used besides MathComp's own matrices *)

Section Operations.
Variable R : ringType.
Definition had m n (A B : 'M[R]_(m, n)) := \matrix_(i, j) (A i j * B i j).
Definition inner m n (A B : 'M[R]_(m, n)) := \sum_i \sum_j A i j * B i j.
Definition total m n (A : 'M[R]_(m, n)) := \sum_i \sum_j A i j.
Definition rows m n (A : 'M[R]_(m, n)) := \matrix_(i < m, _ < 1) \sum_j A i j.
Definition spread m n (b : 'M[R]_(m, 1)) := \matrix_(i < m, _ < n) b i 0.
Definition diagonal n (A : 'M[R]_(n, n)) := \matrix_(i < n, _ < 1) A i i.
Definition diagm n (b : 'M[R]_(n, 1)) := \matrix_(i < n, j < n) (b i 0 *+ (i == j)).
End Operations.
Arguments spread {R m} n b.
Notation "A ∘ B" := (had A B) (at level 40, left associativity).
Notation "‖ A ‖²" := (inner A A) (at level 0, A at level 99, format "‖ A ‖²").
Notation "⟨ A , B ⟩" := (inner A B) (at level 0, A at level 99, B at level 99, format "⟨ A ,  B ⟩").

(** Products are expanded into sums of products of letters ... *)

Section Linear.
Variable R : comRingType.
Implicit Types c : R.
Ltac entries := apply/matrixP => i j; rewrite !mxE ?(mulrDl, mulrDr, mulNr, mulrN, mulrA) //.
Lemma hadDl m n (A B C : 'M[R]_(m, n)) : (A + B) ∘ C = A ∘ C + B ∘ C. Proof. by entries. Qed.
Lemma hadDr m n (A B C : 'M[R]_(m, n)) : A ∘ (B + C) = A ∘ B + A ∘ C. Proof. by entries. Qed.
Lemma hadNl m n (A B : 'M[R]_(m, n)) : (- A) ∘ B = - (A ∘ B). Proof. by entries. Qed.
Lemma hadNr m n (A B : 'M[R]_(m, n)) : A ∘ (- B) = - (A ∘ B). Proof. by entries. Qed.
Lemma hadZl m n c (A B : 'M[R]_(m, n)) : (c *: A) ∘ B = c *: (A ∘ B). Proof. by entries. Qed.
Lemma hadZr m n c (A B : 'M[R]_(m, n)) : A ∘ (c *: B) = c *: (A ∘ B).
Proof. by entries; rewrite (mulrC _ c). Qed.
Lemma had1l m n (A : 'M[R]_(m, n)) : const_mx 1 ∘ A = A. Proof. by entries; rewrite mul1r. Qed.
Lemma had1r m n (A : 'M[R]_(m, n)) : A ∘ const_mx 1 = A. Proof. by entries; rewrite mulr1. Qed.
Lemma trD m n (A B : 'M[R]_(m, n)) : (A + B)^T = A^T + B^T. Proof. by entries. Qed.
Lemma trN m n (A : 'M[R]_(m, n)) : (- A)^T = - A^T. Proof. by entries. Qed.
Lemma trZ m n c (A : 'M[R]_(m, n)) : (c *: A)^T = c *: A^T. Proof. by entries. Qed.
Lemma mulZl m n p c (A : 'M[R]_(m, n)) (B : 'M_(n, p)) : (c *: A) *m B = c *: (A *m B).
Proof. by rewrite scalemxAl. Qed.
Lemma mulZr m n p c (A : 'M[R]_(m, n)) (B : 'M_(n, p)) : A *m (c *: B) = c *: (A *m B).
Proof. by rewrite scalemxAr. Qed.
Lemma rowsD m n (A B : 'M[R]_(m, n)) : rows (A + B) = rows A + rows B.
Proof. by apply/matrixP => i j; rewrite !mxE -big_split; apply: eq_bigr => k _; rewrite mxE. Qed.
Lemma rowsN m n (A : 'M[R]_(m, n)) : rows (- A) = - rows A.
Proof. by apply/matrixP => i j; rewrite !mxE -sumrN; apply: eq_bigr => k _; rewrite mxE. Qed.
Lemma rowsZ m n c (A : 'M[R]_(m, n)) : rows (c *: A) = c *: rows A.
Proof. by apply/matrixP => i j; rewrite !mxE mulr_sumr; apply: eq_bigr => k _; rewrite mxE. Qed.
Lemma spreadD m n (A B : 'M[R]_(m, 1)) : spread n (A + B) = spread n A + spread n B. Proof. by entries. Qed.
Lemma spreadN m n (A : 'M[R]_(m, 1)) : spread n (- A) = - spread n A. Proof. by entries. Qed.
Lemma spreadZ m n c (A : 'M[R]_(m, 1)) : spread n (c *: A) = c *: spread n A. Proof. by entries. Qed.
Lemma diagonalD n (A B : 'M[R]_(n, n)) : diagonal (A + B) = diagonal A + diagonal B. Proof. by entries. Qed.
Lemma diagonalN n (A : 'M[R]_(n, n)) : diagonal (- A) = - diagonal A. Proof. by entries. Qed.
Lemma diagonalZ n c (A : 'M[R]_(n, n)) : diagonal (c *: A) = c *: diagonal A. Proof. by entries. Qed.
Lemma totalD m n (A B : 'M[R]_(m, n)) : total (A + B) = total A + total B.
Proof.
by rewrite /total -big_split; apply: eq_bigr => i _; rewrite -big_split; apply: eq_bigr => j _; rewrite mxE.
Qed.
Lemma totalZ m n c (A : 'M[R]_(m, n)) : total (c *: A) = c * total A.
Proof.
by rewrite /total mulr_sumr; apply: eq_bigr => i _; rewrite mulr_sumr; apply: eq_bigr => j _; rewrite mxE.
Qed.
Lemma totalN m n (A : 'M[R]_(m, n)) : total (- A) = - total A.
Proof. by rewrite -scaleN1r totalZ mulN1r. Qed.
Lemma innerE m n (A B : 'M[R]_(m, n)) : inner A B = total (A ∘ B).
Proof. by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mxE. Qed.
Lemma innerDl m n (A B C : 'M[R]_(m, n)) : inner (A + B) C = inner A C + inner B C.
Proof. by rewrite !innerE hadDl totalD. Qed.
Lemma innerDr m n (A B C : 'M[R]_(m, n)) : inner A (B + C) = inner A B + inner A C.
Proof. by rewrite !innerE hadDr totalD. Qed.
Lemma innerNl m n (A B : 'M[R]_(m, n)) : inner (- A) B = - inner A B. Proof. by rewrite !innerE hadNl totalN. Qed.
Lemma innerNr m n (A B : 'M[R]_(m, n)) : inner A (- B) = - inner A B. Proof. by rewrite !innerE hadNr totalN. Qed.
Lemma innerZl m n c (A B : 'M[R]_(m, n)) : inner (c *: A) B = c * inner A B.
Proof. by rewrite !innerE hadZl totalZ. Qed.
Lemma innerZr m n c (A B : 'M[R]_(m, n)) : inner A (c *: B) = c * inner A B.
Proof. by rewrite !innerE hadZr totalZ. Qed.
Lemma entryD m n (A B : 'M[R]_(m, n)) i j : (A + B) i j = A i j + B i j. Proof. by rewrite mxE. Qed.
Lemma entryN m n (A : 'M[R]_(m, n)) i j : (- A) i j = - A i j. Proof. by rewrite mxE. Qed.
Lemma entryZ m n c (A : 'M[R]_(m, n)) i j : (c *: A) i j = c * A i j. Proof. by rewrite mxE. Qed.
Lemma entry0 m n i j : (0 : 'M[R]_(m, n)) i j = 0. Proof. by rewrite mxE. Qed.

(** ... and two products are equal if they are one sum over indices, in whatever order. *)

Lemma sum2 p q (F : 'I_p -> 'I_q -> R) : \sum_i \sum_j F i j = \sum_j \sum_i F i j.
Proof. exact: exchange_big. Qed.
Lemma sum3 p q r (F : 'I_p -> 'I_q -> 'I_r -> R) : \sum_i \sum_j \sum_k F i j k = \sum_k \sum_i \sum_j F i j k.
Proof. by rewrite [RHS]sum2; apply: eq_bigr => i _; rewrite sum2. Qed.
Lemma sum4 p q r s (F : 'I_p -> 'I_q -> 'I_r -> 'I_s -> R) :
  \sum_i \sum_j \sum_k \sum_l F i j k l = \sum_l \sum_i \sum_j \sum_k F i j k l.
Proof. by rewrite [RHS]sum2; apply: eq_bigr => i _; rewrite sum3. Qed.
Lemma sum5 p q r s t (F : 'I_p -> 'I_q -> 'I_r -> 'I_s -> 'I_t -> R) :
  \sum_i \sum_j \sum_k \sum_l \sum_m F i j k l m = \sum_m \sum_i \sum_j \sum_k \sum_l F i j k l m.
Proof. by rewrite [RHS]sum2; apply: eq_bigr => i _; rewrite sum4. Qed.

Lemma ring_of : @ring_theory (GRing.Ring.sort R) 0 1 (@GRing.add (GRing.Ring.zmodType R)) (@GRing.mul R)
  (fun x y => x - y) (@GRing.opp (GRing.Ring.zmodType R)) eq.
Proof.
by split; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC | exact: mulrA | exact: mulrDl
          | | exact: subrr].
Qed.
End Linear.

Ltac expand := rewrite ?(mulmxDl, mulmxDr, mulNmx, mulmxN, mulZl, mulZr, hadDl, hadDr, hadNl, hadNr, hadZl, hadZr,
  had1l, had1r, trD, trN, trZ, trmxK, rowsD, rowsN, rowsZ, spreadD, spreadN, spreadZ, diagonalD, diagonalN, diagonalZ,
  totalD, totalN, totalZ, innerDl, innerDr, innerNl, innerNr, innerZl, innerZr).
(* MathComp reaches one ring over several structures; `ring` knows one of the ways. *)
Ltac plain :=
  rewrite -[LHS]mul1r -[RHS]mul1r;
  match goal with R : comRingType |- _ =>
    change (GRing.ComRing.sort R) with (GRing.Ring.sort (GRing.ComRing.ringType R));
    change (GRing.ComRing.zmodType R) with (GRing.Ring.zmodType (GRing.ComRing.ringType R));
    lazymatch goal with |- @eq _ ?x ?y => change (@eq (GRing.Ring.sort (GRing.ComRing.ringType R)) x y) end
  end.
Ltac ring_with unit :=
  let U := fresh in have U := unit;
  match goal with R : comRingType |- _ =>
    change (GRing.ComRing.sort R) with (GRing.Ring.sort (GRing.ComRing.ringType R)) in U;
    change (GRing.ComRing.zmodType R) with (GRing.Ring.zmodType (GRing.ComRing.ringType R)) in U;
    lazymatch type of U with @eq _ ?x ?y => change (@eq (GRing.Ring.sort (GRing.ComRing.ringType R)) x y) in U end
  end;
  ring [U].
Ltac entry := try (apply/matrixP => ? ?; rewrite ?(entryD, entryN, entryZ, entry0)).
Ltac nested :=
  cbv beta; rewrite ?mxE;
  repeat first [rewrite big_ord1 | rewrite mxE | rewrite mulr_suml | rewrite mulr_sumr | rewrite mulrnAl
               | rewrite mulrnAr];
  lazymatch goal with
  | |- bigop _ _ _ = _ => apply: eq_bigr => ? _; nested
  | |- _ => reflexivity
  end.
Ltac matched :=
  cbv beta;
  first [ plain; ring
        | apply: eq_bigr => ? _; matched
        | rewrite [LHS]sum2; apply: eq_bigr => ? _; matched
        | rewrite [LHS]sum3; apply: eq_bigr => ? _; matched
        | rewrite [LHS]sum4; apply: eq_bigr => ? _; matched
        | rewrite [LHS]sum5; apply: eq_bigr => ? _; matched ].
Ltac same :=
  try (apply/matrixP => ? ?; repeat match goal with x : ordinal 1 |- _ => rewrite (ord1 x); clear x end);
  rewrite /inner /total;
  etransitivity; [nested | symmetry; etransitivity; [nested | matched]].
