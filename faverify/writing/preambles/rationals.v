From Coq Require Import QArith List.
Import ListNotations.
Local Open Scope Q_scope.

(** * Matrices with rational entries: functions of a row and a column, with their sizes where a sum needs them *)

Fixpoint sum (n : nat) (f : nat -> Q) : Q := match n with O => 0 | S m => Qred (sum m f + f m) end.
Definition matrix := nat -> nat -> Q.
Definition of (r : list (list Q)) : matrix := fun i j => nth j (nth i r []) 0.
Definition mul (n : nat) (A B : matrix) : matrix := fun i j => sum n (fun k => A i k * B k j).
Definition add (A B : matrix) : matrix := fun i j => Qred (A i j + B i j).
Definition opp (A : matrix) : matrix := fun i j => - A i j.
Definition scale (c : Q) (A : matrix) : matrix := fun i j => Qred (c * A i j).
Definition tr (A : matrix) : matrix := fun i j => A j i.
Definition had (A B : matrix) : matrix := fun i j => Qred (A i j * B i j).
Definition map (f : Q -> Q) (A : matrix) : matrix := fun i j => f (A i j).
Definition all (c : Q) : matrix := fun _ _ => c.
Definition total (m n : nat) (A : matrix) : Q := sum m (fun i => sum n (fun j => A i j)).
Definition inner (m n : nat) (A B : matrix) : Q := sum m (fun i => sum n (fun j => A i j * B i j)).
Definition rows (n : nat) (A : matrix) : matrix := fun i _ => sum n (fun j => A i j).
Definition spread (b : matrix) : matrix := fun i _ => b i O.
Definition diagonal (A : matrix) : matrix := fun i _ => A i i.
Definition sign (h : Q) : Q := match h ?= 0 with Gt => 1 | Lt => -(1) | Eq => 0 end.
