From Coq Require Import Reals Lra FunctionalExtensionality.
Local Open Scope R_scope.

(** * Matrices with real entries: functions of a row and a column, with their sizes where a sum needs them *)

Fixpoint sum (n : nat) (f : nat -> R) : R := match n with O => 0 | S m => sum m f + f m end.
Definition matrix := nat -> nat -> R.
Definition mul (n : nat) (A B : matrix) : matrix := fun i j => sum n (fun k => A i k * B k j).
Definition add (A B : matrix) : matrix := fun i j => A i j + B i j.
Definition opp (A : matrix) : matrix := fun i j => - A i j.
Definition scale (c : R) (A : matrix) : matrix := fun i j => c * A i j.
Definition tr (A : matrix) : matrix := fun i j => A j i.
Definition had (A B : matrix) : matrix := fun i j => A i j * B i j.
Definition map (f : R -> R) (A : matrix) : matrix := fun i j => f (A i j).
Definition all (c : R) : matrix := fun _ _ => c.
Definition total (m n : nat) (A : matrix) : R := sum m (fun i => sum n (fun j => A i j)).
Definition inner (m n : nat) (A B : matrix) : R := sum m (fun i => sum n (fun j => A i j * B i j)).
Definition rows (n : nat) (A : matrix) : matrix := fun i _ => sum n (fun j => A i j).
Definition spread (b : matrix) : matrix := fun i _ => b i O.
Definition diagonal (A : matrix) : matrix := fun i _ => A i i.

(** Finite sums *)

Lemma sum_eq n f g : (forall i, f i = g i) -> sum n f = sum n g.
Proof. intros H; induction n as [|n IH]; simpl; [reflexivity | now rewrite IH, H]. Qed.
Lemma sum_one f : sum 1 f = f O. Proof. simpl; ring. Qed.
Lemma sum_mul_l n c f : c * sum n f = sum n (fun i => c * f i).
Proof. induction n as [|n IH]; simpl; [ring | rewrite <- IH; ring]. Qed.
Lemma sum_mul_r n c f : sum n f * c = sum n (fun i => f i * c).
Proof. induction n as [|n IH]; simpl; [ring | rewrite <- IH; ring]. Qed.
Lemma sum_add n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma sum_opp n f : sum n (fun i => - f i) = - sum n f.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma sum_swap m n F : sum m (fun i => sum n (fun j => F i j)) = sum n (fun j => sum m (fun i => F i j)).
Proof.
  induction m as [|m IH]; simpl.
  - induction n as [|n IHn]; simpl; [reflexivity | rewrite <- IHn; ring].
  - rewrite IH, <- sum_add; apply sum_eq; reflexivity.
Qed.
Lemma sum2 p q F : sum p (fun i => sum q (fun j => F i j)) = sum q (fun j => sum p (fun i => F i j)).
Proof. apply sum_swap. Qed.
Lemma sum3 p q r F : sum p (fun i => sum q (fun j => sum r (fun k => F i j k)))
  = sum r (fun k => sum p (fun i => sum q (fun j => F i j k))).
Proof. rewrite (sum2 r p); apply sum_eq; intro i; apply sum2. Qed.
Lemma sum4 p q r s F : sum p (fun i => sum q (fun j => sum r (fun k => sum s (fun l => F i j k l))))
  = sum s (fun l => sum p (fun i => sum q (fun j => sum r (fun k => F i j k l)))).
Proof. rewrite (sum2 s p); apply sum_eq; intro i; apply sum3. Qed.
Lemma sum5 p q r s t F :
  sum p (fun i => sum q (fun j => sum r (fun k => sum s (fun l => sum t (fun m => F i j k l m)))))
  = sum t (fun m => sum p (fun i => sum q (fun j => sum r (fun k => sum s (fun l => F i j k l m))))).
Proof. rewrite (sum2 t p); apply sum_eq; intro i; apply sum4. Qed.

(** Products are expanded into sums of products of letters ... *)

Ltac entries := intros; unfold matrix, add, opp, scale, tr, had, map, all, mul, rows, spread, diagonal;
  repeat (let i := fresh in extensionality i); try ring.
Lemma mulDl n A B C : mul n (add A B) C = add (mul n A C) (mul n B C).
Proof. entries; rewrite <- sum_add; apply sum_eq; intro; ring. Qed.
Lemma mulDr n A B C : mul n C (add A B) = add (mul n C A) (mul n C B).
Proof. entries; rewrite <- sum_add; apply sum_eq; intro; ring. Qed.
Lemma mulZl n c A B : mul n (scale c A) B = scale c (mul n A B).
Proof. entries; rewrite sum_mul_l; apply sum_eq; intro; ring. Qed.
Lemma mulZr n c A B : mul n A (scale c B) = scale c (mul n A B).
Proof. entries; rewrite sum_mul_l; apply sum_eq; intro; ring. Qed.
Lemma oppE A : opp A = scale (-1) A. Proof. entries. Qed.
Lemma hadDl A B C : had (add A B) C = add (had A C) (had B C). Proof. entries. Qed.
Lemma hadDr A B C : had C (add A B) = add (had C A) (had C B). Proof. entries. Qed.
Lemma hadZl c A B : had (scale c A) B = scale c (had A B). Proof. entries. Qed.
Lemma hadZr c A B : had A (scale c B) = scale c (had A B). Proof. entries. Qed.
Lemma had1l A : had (all 1) A = A. Proof. entries. Qed.
Lemma had1r A : had A (all 1) = A. Proof. entries. Qed.
Lemma trD A B : tr (add A B) = add (tr A) (tr B). Proof. entries. Qed.
Lemma trZ c A : tr (scale c A) = scale c (tr A). Proof. entries. Qed.
Lemma trK A : tr (tr A) = A. Proof. entries. Qed.
Lemma rowsD n A B : rows n (add A B) = add (rows n A) (rows n B). Proof. entries; apply sum_add. Qed.
Lemma rowsZ n c A : rows n (scale c A) = scale c (rows n A). Proof. entries; now rewrite sum_mul_l. Qed.
Lemma spreadD A B : spread (add A B) = add (spread A) (spread B). Proof. entries. Qed.
Lemma spreadZ c A : spread (scale c A) = scale c (spread A). Proof. entries. Qed.
Lemma diagonalD A B : diagonal (add A B) = add (diagonal A) (diagonal B). Proof. entries. Qed.
Lemma diagonalZ c A : diagonal (scale c A) = scale c (diagonal A). Proof. entries. Qed.
Lemma totalD m n A B : total m n (add A B) = total m n A + total m n B.
Proof. unfold total; rewrite <- sum_add; apply sum_eq; intro; apply sum_add. Qed.
Lemma totalZ m n c A : total m n (scale c A) = c * total m n A.
Proof. unfold total; rewrite sum_mul_l; apply sum_eq; intro; now rewrite sum_mul_l. Qed.
Lemma innerDl m n A B C : inner m n (add A B) C = inner m n A C + inner m n B C.
Proof. unfold inner; rewrite <- sum_add; apply sum_eq; intro; rewrite <- sum_add; apply sum_eq; intro; entries. Qed.
Lemma innerDr m n A B C : inner m n C (add A B) = inner m n C A + inner m n C B.
Proof. unfold inner; rewrite <- sum_add; apply sum_eq; intro; rewrite <- sum_add; apply sum_eq; intro; entries. Qed.
Lemma innerZl m n c A B : inner m n (scale c A) B = c * inner m n A B.
Proof. unfold inner; rewrite sum_mul_l; apply sum_eq; intro; rewrite sum_mul_l; apply sum_eq; intro; entries. Qed.
Lemma innerZr m n c A B : inner m n A (scale c B) = c * inner m n A B.
Proof. unfold inner; rewrite sum_mul_l; apply sum_eq; intro; rewrite sum_mul_l; apply sum_eq; intro; entries. Qed.

Ltac expand := rewrite ?oppE; repeat progress rewrite ?mulDl, ?mulDr, ?mulZl, ?mulZr, ?hadDl, ?hadDr, ?hadZl, ?hadZr,
  ?had1l, ?had1r, ?trD, ?trZ, ?trK, ?rowsD, ?rowsZ, ?spreadD, ?spreadZ, ?diagonalD, ?diagonalZ, ?totalD, ?totalZ,
  ?innerDl, ?innerDr, ?innerZl, ?innerZr.

(** ... and two products are equal if they are one sum over indices, in whatever order. *)

Ltac bare := unfold inner, total, mul, tr, had, rows, spread, diagonal.
Ltac nested :=
  cbv beta;
  repeat match goal with
         | |- context [sum 1 ?f] => rewrite (sum_one f)
         | |- context [?c * sum ?n ?f] => rewrite (sum_mul_l n c f)
         | |- context [sum ?n ?f * ?c] => rewrite (sum_mul_r n c f)
         end;
  lazymatch goal with
  | |- sum _ _ = _ => apply sum_eq; intro; nested
  | |- _ => reflexivity
  end.
Ltac matched :=
  cbv beta;
  lazymatch goal with |- sum _ _ = _ => idtac | _ => ring end ||
  first [ apply sum_eq; intro; matched
        | rewrite sum2; apply sum_eq; intro; matched
        | rewrite sum3; apply sum_eq; intro; matched
        | rewrite sum4; apply sum_eq; intro; matched
        | rewrite sum5; apply sum_eq; intro; matched ].
Ltac same :=
  try (let i := fresh in let j := fresh in extensionality i; extensionality j); bare;
  etransitivity; [nested | symmetry; etransitivity; [nested | matched]].
Ltac entry := try (let i := fresh in let j := fresh in extensionality i; extensionality j;
  unfold add, scale, opp, all; cbv beta).

(** The derivative of a matrix that depends on time: that of every entry *)

Definition moves (A : R -> matrix) (t : R) (V : matrix) := forall i j, derivable_pt_lim (fun u => A u i j) t (V i j).
Lemma rate_sum n F t d : (forall i, derivable_pt_lim (fun u => F u i) t (d i)) ->
  derivable_pt_lim (fun u => sum n (F u)) t (sum n d).
Proof.
  intro H; induction n as [|n IH]; simpl; [apply derivable_pt_lim_const |].
  exact (derivable_pt_lim_plus _ (fun u => F u n) t _ _ IH (H n)).
Qed.
Lemma rate_times f g t a b : derivable_pt_lim f t a -> derivable_pt_lim g t b ->
  derivable_pt_lim (fun u => f u * g u) t (a * g t + f t * b).
Proof. apply derivable_pt_lim_mult. Qed.
Lemma rate_add f g t a b : derivable_pt_lim f t a -> derivable_pt_lim g t b ->
  derivable_pt_lim (fun u => f u + g u) t (a + b).
Proof. apply derivable_pt_lim_plus. Qed.
Lemma rate_opp f t a : derivable_pt_lim f t a -> derivable_pt_lim (fun u => - f u) t (- a).
Proof. apply derivable_pt_lim_opp. Qed.
Lemma rate_const c t : derivable_pt_lim (fun _ => c) t 0. Proof. apply derivable_pt_lim_const. Qed.
Lemma rate_inner m n A B t V U : moves A t V -> moves B t U ->
  derivable_pt_lim (fun u => inner m n (A u) (B u)) t (inner m n V (B t) + inner m n (A t) U).
Proof.
  intros HA HB; unfold inner; rewrite <- sum_add; apply rate_sum; intro i; rewrite <- sum_add; apply rate_sum.
  intro j; apply (rate_times (fun u => A u i j) (fun u => B u i j)); auto.
Qed.
Lemma rate_total m n A t V : moves A t V -> derivable_pt_lim (fun u => total m n (A u)) t (total m n V).
Proof. intro H; unfold total; apply rate_sum; intro i; apply rate_sum; intro j; apply H. Qed.
Lemma moves_const A t : moves (fun _ => A) t (scale 0 A).
Proof. intros i j; unfold scale; rewrite Rmult_0_l; apply rate_const. Qed.
Lemma moves_add A B t V U : moves A t V -> moves B t U -> moves (fun u => add (A u) (B u)) t (add V U).
Proof. intros HA HB i j; apply (rate_add (fun u => A u i j) (fun u => B u i j)); auto. Qed.
Lemma moves_opp A t V : moves A t V -> moves (fun u => opp (A u)) t (opp V).
Proof. intros H i j; apply (rate_opp (fun u => A u i j)); auto. Qed.
Lemma moves_scale c A t V : moves A t V -> moves (fun u => scale c (A u)) t (scale c V).
Proof.
  intros H i j; unfold scale; replace (c * V i j) with (0 * A t i j + c * V i j) by ring.
  apply (rate_times (fun _ => c) (fun u => A u i j)); [apply rate_const | apply H].
Qed.
Lemma moves_tr A t V : moves A t V -> moves (fun u => tr (A u)) t (tr V). Proof. intros H i j; apply H. Qed.
Lemma moves_diagonal A t V : moves A t V -> moves (fun u => diagonal (A u)) t (diagonal V).
Proof. intros H i j; apply H. Qed.
Lemma moves_had A B t V U : moves A t V -> moves B t U ->
  moves (fun u => had (A u) (B u)) t (add (had V (B t)) (had (A t) U)).
Proof. intros HA HB i j; apply (rate_times (fun u => A u i j) (fun u => B u i j)); auto. Qed.
Lemma moves_mul n A B t V U : moves A t V -> moves B t U ->
  moves (fun u => mul n (A u) (B u)) t (add (mul n V (B t)) (mul n (A t) U)).
Proof.
  intros HA HB i j; unfold add, mul; rewrite <- sum_add; apply rate_sum; intro k.
  apply (rate_times (fun u => A u i k) (fun u => B u k j)); auto.
Qed.
Opaque sum.
(* The derivative of a formula, along the formula. *)
Ltac rated := lazymatch goal with
  | |- derivable_pt_lim (fun _ => ?c) _ _ => apply rate_const
  | |- derivable_pt_lim (fun u => inner ?m ?n (@?A u) (@?B u)) _ _ => apply (rate_inner m n A B); rated
  | |- derivable_pt_lim (fun u => total ?m ?n (@?A u)) _ _ => apply (rate_total m n A); rated
  | |- derivable_pt_lim (fun u => @?f u + @?g u) _ _ => apply (rate_add f g); rated
  | |- derivable_pt_lim (fun u => @?f u - @?g u) _ _ => apply (rate_add f (fun u => - g u)); rated
  | |- derivable_pt_lim (fun u => - @?f u) _ _ => apply (rate_opp f); rated
  | |- derivable_pt_lim (fun u => @?f u * @?g u) _ _ => apply (rate_times f g); rated
  | |- moves (fun _ => ?A) _ _ => apply moves_const
  | |- moves (fun u => add (@?A u) (@?B u)) _ _ => apply (moves_add A B); rated
  | |- moves (fun u => opp (@?A u)) _ _ => apply (moves_opp A); rated
  | |- moves (fun u => scale ?c (@?A u)) _ _ => apply (moves_scale c A); rated
  | |- moves (fun u => tr (@?A u)) _ _ => apply (moves_tr A); rated
  | |- moves (fun u => diagonal (@?A u)) _ _ => apply (moves_diagonal A); rated
  | |- moves (fun u => had (@?A u) (@?B u)) _ _ => apply (moves_had A B); rated
  | |- moves (fun u => mul ?n (@?A u) (@?B u)) _ _ => apply (moves_mul n A B); rated
  | |- _ => eassumption
  end.
Lemma rate_is f t a b : derivable_pt_lim f t b -> a = b -> derivable_pt_lim f t a. Proof. now intros H ->. Qed.
Lemma moves_is A t V U : moves A t U -> V = U -> moves A t V. Proof. now intros H ->. Qed.
